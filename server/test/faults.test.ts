import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { makeCluster } from '../../scripts/testing/postgres-cluster.ts'
import { databases, openFreshPostgres } from './databases.ts'
import { tryDoors } from './faults/doors.ts'
import { judge } from './faults/judge.ts'
import { luckOf } from './faults/luck.ts'
import { judgeMoment } from './faults/moments.ts'
import { openRoad, type Road } from './faults/road.ts'
import { closeStage, crowd, judgeAll, openStage, type Stage } from './faults/stage.ts'
import { startProcess } from './server-process.ts'

/** `npm run faults` sets these. The same seed asks for the same again. */
const ROUNDS = Number(process.env.FAULT_ROUNDS ?? 5)
/** Of a server that is held and let go again, for each that is killed. */
const MOMENTS = ROUNDS * 9
/** What is judged at once: all that was done since the people before them left. */
const TOGETHER = 15
const RESTARTS = Number(process.env.FAULT_RESTARTS ?? 4)
const SEED = process.env.FAULT_SEED ?? 'freddy'
/** A server dies in the middle of one of these, so many milliseconds after it was sent at most. */
const acts = ['register', 'verify', 'rotate', 'sign out', 'revoke key', 'change password'] as const
const MOST_DEEDS = 2
const MOST_MS = 20

for (const { name, open } of databases) {
  // A server dies alone, or beside another that goes on.
  const nodes = name === 'SQLite' ? 1 : 2
  test(`F1 to F4: ${ROUNDS} times kill -9 under load loses nothing that was answered (${name})`, async () => {
    const stage = await openStage(name, open)
    try {
      for (let node = 0; node < nodes; node++) stage.servers.push(await startProcess(stage.env))
      for (let round = 0; round < ROUNDS; round++) await killOnce(stage, name, round)
      await judgeAll(stage, ROUNDS)
    } finally {
      await closeStage(stage)
    }
  })
}

for (const { name, open } of databases) {
  test(`F1 to F4: what a kill would leave at ${MOMENTS} moments under load is all that was answered, and half of nothing (${name})`, async () => {
    const place = await open()
    const road = name === 'PostgreSQL' ? await openRoad(place.url) : null
    const stage = await openStage(name, async () => ({ ...place, url: road?.url ?? place.url }))
    try {
      stage.servers.push(await startProcess(stage.env))
      for (let moment = 0; moment < MOMENTS; moment += TOGETHER)
        await holdOften(stage, road, name, moment)
      await judgeAll(stage, MOMENTS)
    } finally {
      await closeStage(stage)
      await road?.close()
    }
  })
}

async function holdOften(
  stage: Stage,
  road: Road | null,
  name: string,
  from: number,
): Promise<void> {
  const [server] = stage.servers
  const { history } = stage
  assert.ok(server)
  const since = Date.now()
  const first = history.deeds.length
  const over = new AbortController()
  const clients = crowd(stage, `m${from}`, [SEED, name, 'moment', from], over.signal)
  try {
    for (let moment = from; moment < Math.min(from + TOGETHER, MOMENTS); moment++) {
      const luck = luckOf(SEED, name, 'moment', moment)
      const act = acts[moment % acts.length] ?? acts[0]
      await Promise.race([history.sent(act, 1), ...clients])
      await wait(luck.below(MOST_MS))
      const words = `${act}, moment ${moment} of FAULT_SEED=${SEED}`
      await judgeMoment(stage, server, road, { since, first, name: words })
    }
  } finally {
    over.abort()
    await Promise.all(clients)
  }
}

async function killOnce(stage: Stage, name: string, round: number): Promise<void> {
  const { servers, history, sink, place } = stage
  const luck = luckOf(SEED, name, round)
  const since = Date.now()
  const first = history.deeds.length
  const over = new AbortController()
  const clients = crowd(stage, `r${round}`, [SEED, name, round], over.signal)
  const act = acts[round % acts.length] ?? acts[0]
  await Promise.race([history.sent(act, 1 + luck.below(MOST_DEEDS)), ...clients])
  await wait(luck.below(MOST_MS))
  const victim = round % servers.length
  await servers[victim]?.kill()
  over.abort()
  await Promise.all(clients)
  const back = await startProcess(stage.env)
  servers[victim] = back
  const deeds = history.deeds.slice(first)
  const doors = await tryDoors({ base: back.base, history, deeds })
  const { database } = place
  const rows = await judge({ deeds: history.deeds.slice(first), database, sink, since })
  assert.deepEqual([...doors, ...rows], [], `${act}, round ${round} of FAULT_SEED=${SEED}`)
}

test('F32: a server that gets no more memory dies of it or refuses, and has kept what it answered', async (t) => {
  const stage = await openStage('SQLite', databases[0].open)
  t.after(() => closeStage(stage))
  const server = await startProcess(stage.env)
  const { history } = stage
  stage.servers.push(server)
  const over = new AbortController()
  server.child.once('exit', () => over.abort())
  const clients = crowd(stage, 'm', [SEED, 'F32'], over.signal)
  await Promise.race([history.sent('verify', 8), ...clients])
  const { pid } = server.child
  const [, kilobytes] = /VmData:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
  execFileSync('prlimit', [`--pid=${pid}`, `--data=${Number(kilobytes) * 1024}:`])
  // What it has goes on for a while.
  await Promise.race([history.sent('rotate', 40), ...clients])
  t.diagnostic(over.signal.aborted ? 'it died' : 'it went on with what it had')
  over.abort()
  await Promise.all(clients)
  await server.kill()
  const back = await startProcess(stage.env)
  stage.servers[0] = back
  assert.deepEqual(await tryDoors({ base: back.base, history, deeds: [...history.deeds] }), [])
  await judgeAll(stage, 1, 1)
})

test('F14: a PostgreSQL that restarts again and again under load loses nothing that was answered', async () => {
  const cluster = await makeCluster()
  await cluster.start()
  const stage = await openStage('PostgreSQL', () => openFreshPostgres(cluster.url))
  const over = new AbortController()
  try {
    const server = await startProcess(stage.env)
    stage.servers.push(server)
    const { history } = stage
    const { base } = server
    const luck = luckOf(SEED, 'F14')
    const clients = crowd(stage, 'r', [SEED, 'F14'], over.signal)
    for (let restart = 0; restart < RESTARTS; restart++) {
      const signal = restart % 2 ? 'SIGQUIT' : 'SIGINT'
      await Promise.race([history.sent('verify', 2 + luck.below(4)), ...clients])
      await wait(luck.below(MOST_MS))
      await cluster.stop(signal)
      await cluster.start()
    }
    await Promise.race([history.sent('verify', 4), ...clients])
    over.abort()
    await Promise.all(clients)
    assert.deepEqual(await tryDoors({ base, history, deeds: [...history.deeds] }), [])
    // A letter that was sent while its row could not be marked is sent again.
    await judgeAll(stage, RESTARTS)
  } finally {
    over.abort()
    await closeStage(stage)
    await cluster.stop()
  }
})
