import assert from 'node:assert/strict'
import { test } from 'node:test'
import { eventsOf } from '../src/events.ts'

async function read(chunks: readonly Uint8Array[]): Promise<string[]> {
  const texts: string[] = []
  async function* sent() {
    yield* chunks
  }
  for await (const text of eventsOf(sent())) texts.push(text)
  return texts
}

const stream =
  ': keep-alive\n\nevent: one\ndata: {"text":"größer 🚀"}\n\r\nid: 7\r\ndata: two\r\ndata:  lines\r\n\r\ndata:[DONE]\r\r'
const events = ['{"text":"größer 🚀"}', 'two\n lines', '[DONE]']

test('events are the same however the network cuts them', async () => {
  const bytes = new TextEncoder().encode(stream)
  for (let size = 1; size <= bytes.length; size++) {
    const chunks: Uint8Array[] = []
    for (let at = 0; at < bytes.length; at += size) chunks.push(bytes.slice(at, at + size))
    assert.deepEqual(await read(chunks), events, `chunks of ${size}`)
  }
})

test('an event without its empty line is not one', async () => {
  assert.deepEqual(await read([new TextEncoder().encode('data: half\n')]), [])
})
