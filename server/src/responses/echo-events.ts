import { sseEvent } from '../wire/streamed.ts'
import { piecesOf } from './echo.ts'

/** A finished response, as far as its events repeat it. */
interface Finished {
  readonly output: readonly { readonly id: string; readonly content: readonly unknown[] }[]
  readonly output_text: string
}

/** The event stream of OpenAI's Responses, in its order. */
export async function* responseEvents(finished: Finished): AsyncGenerator<string> {
  let number = 0
  const event = (type: string, rest: object) =>
    sseEvent({ type, sequence_number: number++, ...rest }, type)
  const { output_text: text, output } = finished
  const [item] = output
  const begun = { ...finished, status: 'in_progress', output: [], output_text: '', usage: null }
  const place = { item_id: item?.id, output_index: 0, content_index: 0 }
  const part = { type: 'output_text', text, annotations: [] }

  yield event('response.created', { response: begun })
  yield event('response.in_progress', { response: begun })
  yield event('response.output_item.added', {
    output_index: 0,
    item: { ...item, status: 'in_progress', content: [] },
  })
  yield event('response.content_part.added', { ...place, part: { ...part, text: '' } })
  for (const delta of piecesOf(text)) yield event('response.output_text.delta', { ...place, delta })
  yield event('response.output_text.done', { ...place, text })
  yield event('response.content_part.done', { ...place, part })
  yield event('response.output_item.done', { output_index: 0, item })
  yield event('response.completed', { response: finished })
}

interface ChatChunk {
  readonly id: string
  readonly created: number
  readonly model: string
}

/** The chunks of OpenAI's chat completions; the last one tells the usage to those who asked for it. */
export async function* chatChunks(
  about: ChatChunk,
  text: string,
  usage: object | null,
): AsyncGenerator<string> {
  const { id, created, model } = about
  const head = { id, object: 'chat.completion.chunk', created, model }
  const chunk = (delta: object, finish_reason: 'stop' | null) =>
    sseEvent({ ...head, choices: [{ index: 0, delta, finish_reason }] })
  yield chunk({ role: 'assistant', content: '' }, null)
  for (const content of piecesOf(text)) yield chunk({ content }, null)
  yield chunk({}, 'stop')
  if (usage) yield sseEvent({ ...head, choices: [], usage })
  yield sseEvent('[DONE]')
}
