import { join } from 'node:path'
import { test } from 'node:test'
import { databases } from './databases.ts'
import { luckOf } from './faults/luck.ts'
import { openRoad } from './faults/road.ts'
import { closeStage, judgeAll, openStage, type Stage } from './faults/stage.ts'
import { dieAt } from './faults/steps.ts'
import { attachStrace, whyNoTrace } from './faults/strace.ts'
import type { ServerProcess } from './server-process.ts'

/** `npm run faults` asks for every step, 2 for every second one; otherwise for some, which follow from the seed. */
const STRIDE = Number(process.env.FAULT_STEPS ?? 0)
const SEED = process.env.FAULT_SEED ?? 'freddy'

/** More than one life has, as long as it may be; a sample is taken of the first ones, which every life has. */
const kinds = {
  pwrite64: { most: 1000, sure: 150, sample: 1 },
  'fsync,fdatasync': { most: 100, sure: 10, sample: 1 },
  message: { most: 200, sure: 15, sample: 2 },
} as const
type Kind = keyof typeof kinds

test('F6: a server that is killed at any write to SQLite has kept all that it answered, and half of nothing', async (t) => {
  const reason = await whyNoTrace()
  if (reason) return t.skip(reason)
  const stage = await openStage('SQLite', databases[0].open)
  t.after(() => closeStage(stage))
  let steps = 0
  for (const call of ['pwrite64', 'fsync,fdatasync'] as const) {
    steps += await dieAtEach(stage, call, (server, step) => killAtCall(stage, server, call, step))
  }
  t.diagnostic(`killed at ${steps} steps`)
  await judgeAll(stage, steps, 0)
})

test('F6: a server that is killed at any message to PostgreSQL, before it or after, has kept all that it answered', async (t) => {
  const place = await databases[1].open()
  const road = await openRoad(place.url)
  const stage = await openStage('PostgreSQL', async () => ({ ...place, url: road.url }))
  t.after(async () => {
    await closeStage(stage)
    await road.close()
  })
  const steps = await dieAtEach(stage, 'message', async (server, step) => {
    road.at(step, () => {
      server.child.kill('SIGKILL')
      return step % 2 ? 'is lost' : 'goes on'
    })
    return { end: async () => road.at(Number.POSITIVE_INFINITY, () => 'goes on') }
  })
  t.diagnostic(`killed at ${steps} steps`)
  await judgeAll(stage, steps, 0)
})

/** At how many of its steps a life was ended. */
async function dieAtEach(
  stage: Stage,
  kind: Kind,
  aim: (server: ServerProcess, step: number) => Promise<{ end(): Promise<void> }>,
): Promise<number> {
  const short = kind.slice(0, 5)
  let deaths = 0
  for (const step of stepsOf(kind)) {
    const died = await dieAt(stage, `${short}${step}`, (server) => aim(server, step))
    if (died) deaths += 1
    else if (STRIDE) return deaths
  }
  return deaths
}

function stepsOf(kind: Kind): number[] {
  const { most, sure, sample } = kinds[kind]
  if (STRIDE) return Array.from({ length: most / STRIDE }, (_, index) => 1 + index * STRIDE)
  const luck = luckOf(SEED, 'F6', kind)
  return Array.from({ length: sample }, () => 1 + luck.below(sure))
}

/** Before the so manyth call on the database file or its log is carried out. */
function killAtCall({ env }: Stage, server: ServerProcess, call: string, step: number) {
  const file = join(env.DATA_DIR ?? '', 'freddy.db')
  return attachStrace(server, [
    ...['-P', file, '-P', `${file}-wal`, '-e', `trace=${call}`],
    ...['-e', `inject=${call}:signal=KILL:when=${step}`],
  ])
}
