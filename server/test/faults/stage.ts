import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../../../scripts/testing/root.ts'
import { findBrokenSeal, sealEvents } from '../../src/auth/audit-chain.ts'
import { createStore } from '../../src/store/store.ts'
import type { Place } from '../databases.ts'
import type { ServerProcess } from '../server-process.ts'
import { type SmtpSink, startSmtpSink } from '../smtp-sink.ts'
import { type History, startHistory } from './history.ts'
import { judge } from './judge.ts'
import { live } from './lives.ts'
import { luckOf } from './luck.ts'

export const CLIENTS = 4
/** Letters that a server has under way. */
const MAILS_AT_ONCE = 4

/** What a fault is played on: servers, their database, a mail server, and the record. */
export interface Stage {
  readonly place: Place
  readonly sink: SmtpSink
  readonly history: History
  readonly env: Record<string, string>
  readonly servers: ServerProcess[]
}

export async function openStage(name: string, open: () => Promise<Place>): Promise<Stage> {
  const place = await open()
  const sink = await startSmtpSink()
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  const env = {
    SMTP_URL: sink.url,
    DATA_DIR: name === 'SQLite' ? place.url.slice(0, place.url.lastIndexOf('/')) : folder,
    ...(name === 'PostgreSQL' ? { DATABASE_URL: place.url } : {}),
    LIMITS: 'register-source=off,verify-source=off,refresh=off,requests=off',
    MAILS_PER_MINUTE: '600',
    // What was parsed once is not parsed again at every start.
    NODE_COMPILE_CACHE: join(root, '.cache', 'compiled'),
  }
  return { place, sink, env, history: startHistory(), servers: [] }
}

export async function closeStage({ servers, sink, place, env }: Stage): Promise<void> {
  for (const server of servers) await server.kill()
  await sink.close()
  await place.drop()
  rmSync(env.DATA_DIR ?? '', { recursive: true, force: true })
}

/** Clients on all servers, who live until it is over. */
export function crowd(
  { servers, history, sink }: Stage,
  name: string,
  seed: readonly (string | number)[],
  over: AbortSignal,
): Promise<void>[] {
  return Array.from({ length: CLIENTS }, (_, index) => {
    const base = servers[index % servers.length]?.base ?? ''
    const luck = luckOf(...seed, index)
    return live({ name: `${name}c${index}`, base, luck, over, history, sink })
  })
}

/** What was ended in an early round is still so after the last, and the trail is one chain. */
export async function judgeAll(
  { history, place, sink }: Stage,
  deaths = 0,
  leastSessions = 4,
): Promise<void> {
  const { deeds } = history
  const verified = deeds.filter(({ act, answer }) => act === 'verify' && answer?.status === 200)
  assert.ok(verified.length >= leastSessions, `only ${verified.length} sessions came to be`)
  assert.deepEqual(await judge({ deeds, database: place.database, sink, since: 0 }), [])
  const copies = Map.groupBy(sink.mails, ({ messageId }) => messageId)
  const surplus = [...copies.values()].reduce((sum, { length }) => sum + length - 1, 0)
  assert.ok(surplus <= deaths * MAILS_AT_ONCE, `${surplus} letters went out again`)
  const { audit } = createStore(place.database)
  await sealEvents(audit)
  assert.equal(await findBrokenSeal(audit), null)
}
