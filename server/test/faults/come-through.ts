import assert from 'node:assert/strict'
import { startProcess } from '../server-process.ts'
import { tryDoors } from './doors.ts'
import { crowd, judgeAll, type Stage } from './stage.ts'

/** A crowd under which something happens, and which comes through; then everything that was told is compared with what is kept. */
export async function comeThrough(
  stage: Stage,
  seed: readonly string[],
  act: () => Promise<void>,
): Promise<void> {
  const server = await startProcess(stage.env)
  stage.servers.push(server)
  const { history } = stage
  const over = new AbortController()
  const clients = crowd(stage, 'a', seed, over.signal)
  try {
    await Promise.race([act(), ...clients])
    await Promise.race([history.sent('verify', 4), ...clients])
  } finally {
    over.abort()
    await Promise.all(clients)
  }
  const deeds = [...history.deeds]
  const faults = deeds.filter(({ answer }) => answer?.status === 500)
  assert.deepEqual(faults, [])
  assert.deepEqual(await tryDoors({ base: server.base, history, deeds }), [])
  await judgeAll(stage, 8)
}
