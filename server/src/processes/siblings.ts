import cluster from 'node:cluster'
import { type Bundle, createLine } from './line.ts'

/** What the processes of one server ask each other; the primary answers the first three itself. */
export type Topic = 'limits' | 'sockets' | 'metrics' | 'mail' | 'mails' | 'turned-away' | 'changed'

/** What the primary tells a process that starts. */
export interface Welcome {
  /** The first of all: it opens the setup and tells the terminal where everything is. */
  readonly isFirst: boolean
  /** Opens the inbox of a server without SMTP, in every process. */
  readonly inboxWord: string
}

/** The other processes of this server, as one of them sees them (`WORKERS`). */
export interface Siblings extends Welcome {
  /** The answer of the primary; of what it passes on, the answers of all others in a list. */
  ask(topic: Topic, words: unknown): Promise<unknown>
  /** What this process answers when others ask. */
  hear(topic: Topic, work: (words: unknown) => unknown): void
  /** It listens. For the first that is over when all others listen too. */
  ready(): Promise<void>
}

/** Joins the others. A process whose primary is gone ends by itself: Node sees to that. */
export async function joinSiblings(): Promise<Siblings> {
  const heard = new Map<string, (words: unknown) => unknown>()
  const line = createLine(
    (bundle) => process.send?.(bundle),
    (topic, words) => heard.get(topic)?.(words),
  )
  process.on('message', (bundle) => line.take(bundle as Bundle))
  cluster.worker?.once('disconnect', line.end)
  const welcome = (await line.ask('welcome', null)) as Welcome
  return {
    ...welcome,
    ask: line.ask,
    hear: (topic, work) => void heard.set(topic, work),
    async ready() {
      await line.ask('ready', null)
    },
  }
}
