import { availableParallelism } from 'node:os'
import { knob, whole } from './config-values.ts'

export interface ProcessesConfig {
  /** How many processes the server is. */
  readonly workers: number
  /** Threads that hash, of each process. */
  readonly hashThreads: number
}

/** How much of one machine the server uses. */
export const processesKnobs = {
  WORKERS: knob(
    '1 to 64, or auto',
    '1',
    'Processes of the server, on one port and one database; auto is one a core (docs/scaling.md).',
    processes,
  ),
  HASH_THREADS: knob(
    '1 to 64',
    '',
    'Threads that hash passwords, of each process; one a core over all processes when empty.',
    whole(1, 64),
  ),
}

/** All processes together hash on no more threads than there are cores. */
export function processesOf(workers: number | null, threads: number | null): ProcessesConfig {
  const all = workers ?? 1
  return {
    workers: all,
    hashThreads: threads ?? Math.max(1, Math.floor(availableParallelism() / all)),
  }
}

function processes(text: string): number | undefined {
  return text === 'auto' ? Math.min(64, availableParallelism()) : whole(1, 64)(text)
}
