import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { findProgram } from '../../../scripts/testing/find-program.ts'
import type { Cluster } from '../../../scripts/testing/postgres-cluster.ts'
import type { ServerProcess } from '../server-process.ts'

const wanted = { name: 'strace', packages: ['strace', 'libunwind8'], path: 'usr/bin/strace' }

/** A process whose calls of the system are looked at, and tampered with. */
export interface Strace {
  /** Whether a call was tampered with. */
  hasTampered(): boolean
  end(): Promise<void>
}

/** Where strace is, and what it needs around it. */
export const findStrace = () => findProgram(wanted)

/** Why no process may be looked into here; null where it may. */
export async function whyNoTrace(): Promise<string | null> {
  try {
    const { path, env } = await findStrace()
    const options = { env: { ...process.env, ...env }, encoding: 'utf8' } as const
    const { status, stderr } = spawnSync(path, ['-o', '/dev/null', 'true'], options)
    return status === 0 ? null : stderr
  } catch (cause) {
    return String(cause)
  }
}

/** Takes hold of a server that runs, or of a PostgreSQL with all its processes. Rejects with strace's words where nobody may look into another process. */
export async function attachStrace(
  held: Pick<ServerProcess, 'child'> | Cluster,
  words: readonly string[],
): Promise<Strace> {
  const { path, env } = await findStrace()
  const pids = 'child' in held ? [held.child.pid] : held.pids()
  const strace = spawn(path, ['-f', ...pids.flatMap((pid) => ['-p', String(pid)]), ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, ...env },
  })
  let said = ''
  const attached = new Promise<void>((resolve, reject) => {
    strace.once('error', reject)
    strace.once('exit', () => reject(new Error(said)))
    strace.stderr.setEncoding('utf8').on('data', (part: string) => {
      said += part
      if (said.includes('attached')) resolve()
      // Until strace is gone, what died under it keeps its sockets.
      if (said.includes('killed by SIGKILL')) strace.kill('SIGKILL')
    })
  })
  const ended = once(strace, 'exit')
  await attached
  return {
    hasTampered: () => said.includes('INJECTED'),
    async end() {
      // Asked kindly it waits for threads that are dead already; without it all that live go on.
      strace.kill('SIGKILL')
      await ended
    },
  }
}
