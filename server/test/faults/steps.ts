import assert from 'node:assert/strict'
import { type ServerProcess, startProcess } from '../server-process.ts'
import { tryDoors } from './doors.ts'
import { outcome } from './history.ts'
import { judge } from './judge.ts'
import { liveOnce } from './lives.ts'
import type { Stage } from './stage.ts'

/** Somebody who ends a server at one of its steps; `end` takes their hands off it. */
export interface Killer {
  end(): Promise<void>
}

/**
 * A whole life on a server that is killed at its step `name`, then everything that was told is compared with what is kept, by
 * the server that comes after. False when the life was over before.
 */
export async function dieAt(
  stage: Stage,
  name: string,
  aim: (server: ServerProcess) => Promise<Killer>,
): Promise<boolean> {
  const { history, sink, place, servers } = stage
  const server = servers[0] ?? (await startProcess(stage.env))
  const since = Date.now()
  const first = history.deeds.length
  const over = new AbortController()
  server.child.once('exit', () => over.abort())
  const killer = await aim(server)
  await liveOnce({ name, base: server.base, over: over.signal, history, sink })
  await killer.end()
  await server.kill()
  const back = await startProcess(stage.env)
  servers[0] = back
  const deeds = history.deeds.slice(first)
  const doors = await tryDoors({ base: back.base, history, deeds })
  const { database } = place
  const isOver = deeds.some((deed) => deed.act === 'sign out' && outcome(deed) === 'done')
  const rows = await judge({ deeds: history.deeds.slice(first), database, sink, since })
  assert.deepEqual([...doors, ...rows], [], `killed at ${name}`)
  return !isOver
}
