import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { makeCluster } from '../../scripts/testing/postgres-cluster.ts'
import { findBrokenSeal, sealEvents } from '../src/auth/audit-chain.ts'
import { createStore } from '../src/store/store.ts'
import { databases, openFreshPostgres, type Place } from './databases.ts'
import { tryDoors } from './faults/doors.ts'
import { type History, startHistory } from './faults/history.ts'
import { judge } from './faults/judge.ts'
import { live } from './faults/lives.ts'
import { luckOf } from './faults/luck.ts'
import { type ServerProcess, startProcess } from './server-process.ts'
import { type SmtpSink, startSmtpSink } from './smtp-sink.ts'

/** `npm run faults` sets both. The same seed asks for the same again. */
const ROUNDS = Number(process.env.FAULT_ROUNDS ?? 10)
const SEED = process.env.FAULT_SEED ?? 'freddy'
const CLIENTS = 4
/** A server dies in the middle of one of these, so many milliseconds after it was sent at most. */
const acts = ['register', 'verify', 'rotate', 'sign out', 'revoke key', 'change password'] as const
const MOST_DEEDS = 4
const MOST_MS = 20

interface Stage {
  readonly place: Place
  readonly sink: SmtpSink
  readonly history: History
  readonly env: Record<string, string>
  readonly servers: ServerProcess[]
}

for (const { name, open } of databases) {
  // A server dies alone, or beside another that goes on.
  const nodes = name === 'SQLite' ? 1 : 2
  test(`F1 to F4: ${ROUNDS} times kill -9 under load loses nothing that was answered (${name})`, async () => {
    const stage = await openStage(name, open)
    try {
      for (let node = 0; node < nodes; node++) stage.servers.push(await startProcess(stage.env))
      for (let round = 0; round < ROUNDS; round++) await killOnce(stage, name, round)
      await judgeAll(stage)
    } finally {
      await closeStage(stage)
    }
  })
}

async function killOnce(stage: Stage, name: string, round: number): Promise<void> {
  const { servers, history, sink, place } = stage
  const luck = luckOf(SEED, name, round)
  const since = Date.now()
  const first = history.deeds.length
  const over = new AbortController()
  const clients = Array.from({ length: CLIENTS }, (_, index) =>
    live({
      name: `r${round}c${index}`,
      base: servers[index % servers.length]?.base ?? '',
      luck: luckOf(SEED, name, round, index),
      over: over.signal,
      history,
      sink,
    }),
  )
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

/** What was ended in an early round is still so after the last, and the trail is one chain. */
async function judgeAll({ history, place, sink }: Stage): Promise<void> {
  const { deeds } = history
  const verified = deeds.filter(({ act, answer }) => act === 'verify' && answer?.status === 200)
  assert.ok(verified.length > 5, `only ${verified.length} sessions came to be`)
  assert.deepEqual(await judge({ deeds, database: place.database, sink, since: 0 }), [])
  const copies = Map.groupBy(sink.mails, ({ messageId }) => messageId)
  const surplus = [...copies.values()].reduce((sum, { length }) => sum + length - 1, 0)
  assert.ok(surplus <= ROUNDS * 4, `${surplus} letters went out again`)
  const { audit } = createStore(place.database)
  await sealEvents(audit)
  assert.equal(await findBrokenSeal(audit), null)
}

async function openStage(name: string, open: () => Promise<Place>): Promise<Stage> {
  const place = await open()
  const sink = await startSmtpSink()
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  const env = {
    SMTP_URL: sink.url,
    DATA_DIR: name === 'SQLite' ? place.url.slice(0, place.url.lastIndexOf('/')) : folder,
    ...(name === 'PostgreSQL' ? { DATABASE_URL: place.url } : {}),
    LIMITS: 'register-source=off,verify-source=off,refresh=off,requests=off',
    // What was parsed once is not parsed again at every start.
    NODE_COMPILE_CACHE: join(tmpdir(), 'freddy-compiled'),
  }
  return { place, sink, env, history: startHistory(), servers: [] }
}

async function closeStage({ servers, sink, place, env }: Stage): Promise<void> {
  for (const server of servers) await server.kill()
  await sink.close()
  await place.drop()
  rmSync(env.DATA_DIR ?? '', { recursive: true, force: true })
}

test('F14: a PostgreSQL that restarts again and again under load loses nothing that was answered', async () => {
  const cluster = await makeCluster()
  await cluster.start()
  const stage = await openStage('PostgreSQL', () => openFreshPostgres(cluster.url))
  const over = new AbortController()
  try {
    const server = await startProcess(stage.env)
    stage.servers.push(server)
    const { history, sink } = stage
    const { base } = server
    const luck = luckOf(SEED, 'F14')
    const clients = Array.from({ length: CLIENTS }, (_, index) => {
      const own = luckOf(SEED, 'F14', index)
      return live({ name: `c${index}`, base, luck: own, over: over.signal, history, sink })
    })
    for (const signal of ['SIGINT', 'SIGQUIT', 'SIGINT', 'SIGQUIT'] as const) {
      await Promise.race([history.sent('verify', 2 + luck.below(4)), ...clients])
      await wait(luck.below(MOST_MS))
      await cluster.stop(signal)
      await cluster.start()
    }
    await Promise.race([history.sent('verify', 4), ...clients])
    over.abort()
    await Promise.all(clients)
    assert.deepEqual(await tryDoors({ base, history, deeds: [...history.deeds] }), [])
    await judgeAll(stage)
  } finally {
    over.abort()
    await closeStage(stage)
    await cluster.stop()
  }
})
