/** One question, or one answer to one, on the way between two processes. */
type Message =
  | { readonly ask: number; readonly topic: string; readonly words: unknown }
  | { readonly answer: number; readonly value: unknown }

/** What goes over at once: everything that came up in one turn of the loop. */
export type Bundle = readonly Message[]

/** Questions and answers between two processes of one server. */
export interface Line {
  /** Null when the other side is gone, or does not know. */
  ask(topic: string, words: unknown): Promise<unknown>
  /** What came from the other side. */
  take(bundle: Bundle): void
  /** The other side is gone: nobody waits for it. */
  end(): void
}

/** Under load one message carries many questions, so that a question costs little; alone it waits for nobody. */
export function createLine(
  send: (bundle: Bundle) => void,
  answer: (topic: string, words: unknown) => unknown,
): Line {
  const waiting = new Map<number, (value: unknown) => void>()
  let asked = 0
  let isOver = false
  let outgoing: Message[] = []

  const post = (message: Message) => {
    if (isOver) return
    if (outgoing.length === 0) setImmediate(flush)
    outgoing.push(message)
  }
  const flush = () => {
    const bundle = outgoing
    outgoing = []
    if (!isOver) send(bundle)
  }
  const reply = async (ask: number, topic: string, words: unknown) => {
    const value = await Promise.resolve(answer(topic, words)).catch(() => null)
    post({ answer: ask, value: value ?? null })
  }
  return {
    ask(topic, words) {
      if (isOver) return Promise.resolve(null)
      asked += 1
      const ask = asked
      post({ ask, topic, words })
      return new Promise((resolve) => waiting.set(ask, resolve))
    },
    take(bundle) {
      for (const message of bundle) {
        if ('ask' in message) {
          void reply(message.ask, message.topic, message.words)
          continue
        }
        waiting.get(message.answer)?.(message.value)
        waiting.delete(message.answer)
      }
    },
    end() {
      isOver = true
      for (const resolve of waiting.values()) resolve(null)
      waiting.clear()
    },
  }
}
