import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { type Client, Gone, type Told } from './scene.ts'

/** How long a program may take to end once it has nothing more to do. */
const LAST_MS = 1000

/** Somebody's client program: one process for scene after scene, and another one after it hung or ended. */
export interface Program {
  open(baseUrl: string): Client
  close(): Promise<void>
}

export function programOf(words: readonly string[]): Program {
  let running: Running | null = null
  const stop = async () => {
    await running?.end()
    running = null
  }
  return {
    open: (baseUrl) => {
      let begun = false
      return {
        async take(step) {
          running ??= start(words)
          if (!begun) await begin(running, baseUrl)
          begun = true
          return running.take(step)
        },
        async close() {
          if (running?.stuck()) await stop()
        },
      }
    },
    close: stop,
  }
}

async function begin(running: Running, baseUrl: string): Promise<void> {
  const told = await running.take({ do: 'begin', base_url: baseUrl })
  if (!told.ok) throw new Gone(`refused to begin with ${JSON.stringify(told)}`, true)
}

interface Running {
  take(step: Readonly<Record<string, unknown>>): Promise<Told>
  /** It owes an answer, or is there no more. */
  stuck(): boolean
  end(): Promise<void>
}

function start(words: readonly string[]): Running {
  const [command = '', ...args] = words
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  // Who ended reads no more.
  child.stdin.on('error', () => {})
  const gone = new Promise<Gone>((resolve) => {
    child.once('error', ({ message }) => resolve(new Gone(message, false)))
    child.once('exit', (code, signal) => resolve(new Gone(`ended with ${code ?? signal}`, true)))
  })
  const lines = createInterface({ input: child.stdout })
  const answers = lines[Symbol.asyncIterator]()
  let owes = false
  return {
    stuck: () => owes || child.exitCode !== null || child.signalCode !== null,
    async take(step) {
      owes = true
      child.stdin.write(`${JSON.stringify(step)}\n`)
      for (;;) {
        const { value, done } = await answers.next()
        if (done) throw await gone
        const told = toldIn(value)
        if (!told) continue
        owes = false
        return told
      }
    },
    async end() {
      child.stdin.end()
      const clock = setTimeout(() => child.kill('SIGKILL'), owes ? 0 : LAST_MS)
      await gone
      clearTimeout(clock)
      lines.close()
      // A child of its own may hold it open.
      child.stdout.destroy()
    },
  }
}

/** A line that is no answer is the program's own talk. */
function toldIn(line: string): Told | null {
  try {
    const told: unknown = JSON.parse(line)
    return isTold(told) ? told : null
  } catch {
    return null
  }
}

function isTold(value: unknown): value is Told {
  return typeof value === 'object' && value !== null && 'ok' in value
}
