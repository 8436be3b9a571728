import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'

export interface Child {
  readonly pid: number
  /** Sends a message and answers the next one that comes back. */
  ask<Answer>(message: object): Promise<Answer>
  end(): Promise<void>
}

const STOP_LIMIT_MS = 5000

/** A process of ours that talks by messages; what it says when it fails is told. */
export function startChild(
  file: URL,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): { child: Child; first: Promise<unknown> } {
  const forked = fork(file, args, {
    env: { PATH: process.env.PATH, NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE, ...env },
    execArgv: ['--disable-warning=ExperimentalWarning', ...profiling()],
    serialization: 'advanced',
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  })
  let said = ''
  forked.stderr?.setEncoding('utf8').on('data', (part: string) => {
    said = (said + part).slice(-5000)
  })
  const next = () => nextMessage(forked, () => said)
  return {
    child: {
      pid: forked.pid ?? 0,
      async ask<Answer>(message: object) {
        const answer = next()
        forked.send(message)
        return (await answer) as Answer
      },
      end: () => endOne(forked),
    },
    first: next(),
  }
}

function nextMessage(forked: ChildProcess, said: () => string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const gone = () => reject(new Error(`a process of the bench ended: ${said()}`))
    forked.once('exit', gone)
    forked.once('message', (message) => {
      forked.off('exit', gone)
      resolve(message)
    })
  })
}

async function endOne(forked: ChildProcess): Promise<void> {
  if (forked.exitCode !== null || forked.signalCode !== null) return
  const limit = setTimeout(() => forked.kill('SIGKILL'), STOP_LIMIT_MS)
  const ended = once(forked, 'exit')
  if (forked.connected) forked.disconnect()
  else forked.kill('SIGTERM')
  await ended
  clearTimeout(limit)
}

/** BENCH_PROFILE names a folder for CPU profiles of every process. */
function profiling(): string[] {
  const folder = process.env.BENCH_PROFILE
  return folder ? ['--cpu-prof', `--cpu-prof-dir=${folder}`] : []
}
