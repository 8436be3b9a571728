import { spawn } from 'node:child_process'

/** Runs a program on a terminal of its own, typing each answer when its question stands there; what the screen showed. */
export async function runOnTerminal(
  command: readonly string[],
  env: Record<string, string>,
  answers: readonly (readonly [question: string, answer: () => Promise<string>])[],
): Promise<string> {
  const quoted = command.map((word) => `'${word}'`).join(' ')
  const child = spawn('script', ['-qec', quoted, '/dev/null'], {
    env: { ...env, TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  let screen = ''
  let seen = 0
  const waiting = [...answers]
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  child.stdout.setEncoding('utf8').on('data', (text) => {
    screen += text
    const [question, type] = waiting[0] ?? []
    const at = question === undefined ? -1 : screen.indexOf(question, seen)
    if (!type || at < 0) return
    seen = at + String(question).length
    waiting.shift()
    type().then((line) => child.stdin.write(`${line}\r`))
  })
  await ended
  return screen
}
