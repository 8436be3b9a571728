import { type ChildProcess, spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { childEnv } from './child-env.ts'
import { PASSWORD, SECRET } from './freddy.ts'

/** The server itself, as Node is told to run it. */
export const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

/** A server in a process of its own, as `npm start` runs it. */
export interface ServerProcess {
  readonly base: string
  readonly child: ChildProcess
  /** Its start-up text. */
  readonly said: string
  /** Ends it at once, as a power cut would. */
  kill(): Promise<void>
  /** Asks it to stop; answers its exit code. */
  stop(signal?: NodeJS.Signals): Promise<number | null>
}

export function startProcess(env: Record<string, string>): Promise<ServerProcess> {
  return startProgram(['--disable-warning=ExperimentalWarning', main], env)
}

/** What Node is to run, how it is told where to keep its data, and the command that starts it where that is another. */
export async function startProgram(
  args: readonly string[],
  env: Record<string, string>,
  through: readonly string[] = [],
): Promise<ServerProcess> {
  const [program = process.execPath, ...words] = [...through, process.execPath, ...args]
  const child = spawn(program, words, {
    env: { ...childEnv(), SECRET_KEY: SECRET, HASH_THREADS: '1', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>((resolve) => child.once('exit', resolve))
  const { base, said } = await readStart(child)
  return {
    base,
    said,
    child,
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
    stop(signal = 'SIGTERM') {
      child.kill(signal)
      return ended
    },
  }
}

function readStart(child: ChildProcess): Promise<{ base: string; said: string }> {
  return new Promise((resolve, reject) => {
    let heard = ''
    child.stdout?.on('data', (chunk) => {
      heard += chunk
      const [, base] = /API\s+(http:\S+)\/v1/.exec(heard) ?? []
      // Its last line is a link, or where to read on.
      if (base && /(Next[\s\S]*http:\S+)\n/.test(heard)) {
        resolve({ base: base.replace('localhost', '127.0.0.1'), said: heard })
      }
    })
    child.stderr?.on('data', (chunk) => (heard += chunk))
    child.once('exit', (code) => reject(new Error(`the server ended with ${code}: ${heard}`)))
  })
}

export interface Said {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire, before anybody checked it
  readonly body: any
}

/** A call over a real socket; null when no answer came, so that nobody knows what happened. */
export async function call(
  base: string,
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Said | null> {
  try {
    const answer = await fetch(base + path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    })
    return { status: answer.status, body: await answer.json() }
  } catch {
    return null
  }
}

export const credentials = (email: string) => ({ email_or_username: email, password: PASSWORD })
