import { eventsOf } from '../events.ts'
import { errorOf } from '../refusal.ts'
import { send, type TransportParts, within } from '../transport.ts'
import type { EndingsPage } from './endings.ts'

/** Longer than the server's silence. */
const MOST_SILENCE_MS = 12_000

interface Stream {
  readonly apiKey: string
  /** How long the server may take to begin. */
  readonly timeoutMs: number
  /** What the first page is to continue. */
  readonly after: string | null
  readonly signal: AbortSignal
  /** What a page says that continues this one; throws what it thinks of any other. */
  readonly read: (text: string, after: string | null) => Promise<EndingsPage>
}

export const endingsPath = (after: string | null) =>
  `/auth/revocations${after === null ? '' : `?after=${encodeURIComponent(after)}`}`

/** The pages of one stream, each what follows on the one before. */
export async function* streamPages(
  transport: TransportParts,
  { apiKey, timeoutMs, after, signal, read }: Stream,
): AsyncGenerator<EndingsPage> {
  const ask = { method: 'GET', path: endingsPath(after), timeoutMs, signal } as const
  const answer = await send(
    transport,
    { ...ask, repeats: 'never', streams: true },
    { 'api-key': apiKey, Accept: 'text/event-stream' },
  )
  if (answer.status !== 200 || !answer.body) throw errorOf(answer)
  try {
    let last = after
    const events = eventsOf(chunksOf(answer.body))
    for (;;) {
      const { done, value } = await within(MOST_SILENCE_MS, 'What ended', events.next())
      if (done) return
      const page = await read(value, last)
      last = page.next
      yield page
    }
  } finally {
    answer.leave()
  }
}

async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    reader.cancel().catch(() => {})
  }
}
