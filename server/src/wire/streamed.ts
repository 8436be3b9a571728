type Bytes = Uint8Array | string

/** An answer that is already bytes: whole, or sent as they come. Its schema is the model server's, not ours. */
export class Streamed {
  readonly body: Uint8Array | AsyncIterable<Bytes>
  readonly headers: Readonly<Record<string, string>>

  constructor(
    body: Uint8Array | AsyncIterable<Bytes>,
    headers: Readonly<Record<string, string>> = {},
  ) {
    this.body = body
    this.headers = headers
  }
}

export const JSON_HEADERS = { 'content-type': 'application/json; charset=utf-8' } as const

/** A proxy in front of us must not hold events back until it has a buffer full. */
export const EVENT_HEADERS = {
  'content-type': 'text/event-stream; charset=utf-8',
  'x-accel-buffering': 'no',
} as const

/** One server-sent event. Only OpenAI's Responses name theirs. */
export function sseEvent(value: unknown, name?: string): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return `${name ? `event: ${name}\n` : ''}data: ${text}\n\n`
}
