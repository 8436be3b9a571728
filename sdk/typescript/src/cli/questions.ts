import { createInterface, type Interface } from 'node:readline'
import { Writable } from 'node:stream'
import { Complaint } from './shell.ts'

/** Asks the person at the terminal; where there is none, each answer is a line of standard input. */
export interface Questions {
  ask(question: string): Promise<string>
  /** The same, and what is typed is not shown. */
  askSecret(question: string): Promise<string>
  readonly interactive: boolean
  close(): void
}

export function openQuestions(): Questions {
  const interactive = Boolean(process.stdin.isTTY)
  let shows = true
  const output = new Writable({
    write(chunk, _encoding, done) {
      if (shows) process.stderr.write(chunk)
      done()
    },
  })
  const lines = createInterface({ input: process.stdin, output, terminal: interactive })
  const next = nextLine(lines)
  const ask = async (question: string) => {
    if (interactive) process.stderr.write(question)
    const line = await next()
    if (line === null) throw new Complaint(`Nobody answered: ${question.trim()}`)
    return line
  }
  return {
    interactive,
    ask,
    async askSecret(question) {
      const asked = ask(question)
      shows = false
      try {
        return await asked
      } finally {
        shows = true
        if (interactive) process.stderr.write('\n')
      }
    },
    close: () => lines.close(),
  }
}

/** The lines in their order, also those that come before they are asked for; null after the last. */
function nextLine(lines: Interface): () => Promise<string | null> {
  const come: (string | null)[] = []
  const asked: ((line: string | null) => void)[] = []
  let over = false
  const take = (line: string | null) => {
    const hear = asked.shift()
    if (hear) hear(line)
    else come.push(line)
  }
  lines.on('line', take)
  lines.on('SIGINT', () => process.exit(130))
  lines.once('close', () => {
    over = true
    for (const hear of asked.splice(0)) hear(null)
  })
  return () => {
    const line = come.shift()
    if (line !== undefined) return Promise.resolve(line)
    if (over) return Promise.resolve(null)
    return new Promise((resolve) => asked.push(resolve))
  }
}

/** All of standard input, without the end of its last line. */
export async function readInput(): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of process.stdin) chunks.push(chunk)
  return Buffer.concat(chunks).toString().trimEnd()
}
