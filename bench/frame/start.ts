import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../scripts/testing/free-port.ts'
import type { Start } from './scenario.ts'

export interface StartedSide {
  readonly name: string
  readonly rounds: readonly { readonly milliseconds: number; readonly residentBytes: number }[]
}

const LOOK_EVERY_MS = 5
const PATIENCE_MS = 30_000
/** By then what a start leaves behind was thrown away, if it ever is. */
const IDLE_MS = 2000

interface Starting {
  readonly start: Start
  readonly script: string
  readonly folder: string
}

/**
 * Starts as they mostly are: data is there, made by a first start, which is not counted. Of the idle time a share is waited,
 * 1 but where only the working of it is tried.
 */
export async function measureStarts(
  starts: readonly Start[],
  rounds: number,
  share: number,
): Promise<StartedSide[]> {
  const scripts = await Promise.all(starts.map(({ script }) => script()))
  const sides = starts.map((start, index) => ({
    start,
    script: fileURLToPath(scripts[index] ?? ''),
    folder: mkdtempSync(join(tmpdir(), 'freddy-bench-')),
    rounds: [] as { milliseconds: number; residentBytes: number }[],
  }))
  try {
    for (let round = 0; round <= rounds; round++) {
      for (const side of sides) {
        const measured = await startOnce(side, IDLE_MS * share)
        if (round > 0) side.rounds.push(measured)
      }
    }
    return sides.map((side) => ({ name: side.start.name, rounds: side.rounds }))
  } finally {
    for (const { folder } of sides) rmSync(folder, { recursive: true, force: true })
  }
}

async function startOnce({ start, script, folder }: Starting, idleMs: number) {
  const port = await freePort()
  const begun = performance.now()
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', script], {
    env: { ...inherited(), ...start.env(port, folder) },
    stdio: 'ignore',
  })
  try {
    await untilAnswered(child, port, start.path)
    const milliseconds = performance.now() - begun
    await wait(idleMs)
    return { milliseconds, residentBytes: residentBytes(child.pid ?? 0) }
  } finally {
    if (child.exitCode === null) {
      child.kill('SIGTERM')
      await once(child, 'exit')
    }
  }
}

/** As `npm start` has it. */
function inherited(): NodeJS.ProcessEnv {
  const { PATH, NODE_COMPILE_CACHE } = process.env
  return { PATH, NODE_COMPILE_CACHE }
}

async function untilAnswered(child: ChildProcess, port: number, path: string): Promise<void> {
  const until = performance.now() + PATIENCE_MS
  while (performance.now() < until) {
    if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode} while it started`)
    const answer = await fetch(`http://127.0.0.1:${port}${path}`).catch(() => null)
    await answer?.body?.cancel()
    if (answer && answer.status < 500) return
    await wait(LOOK_EVERY_MS)
  }
  throw new Error('did not answer')
}

/** Linux tells it; elsewhere it stays unknown. */
function residentBytes(pid: number): number {
  try {
    const [, kilobytes] =
      /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? []
    return Number(kilobytes ?? 0) * 1024
  } catch {
    return 0
  }
}
