import { type Static, Type } from 'typebox'
import { randomId } from '../auth/random.ts'
import type { Call } from '../context.ts'
import { ModelName } from '../wire/body.ts'
import { EVENT_HEADERS, Streamed } from '../wire/streamed.ts'
import { ECHO_MODEL, echo } from './echo.ts'
import { chatChunks } from './echo-events.ts'
import { forward, meterEcho, modelFor } from './gateway.ts'
import { member } from './usage.ts'

/** Fields that are not listed go to the model unchanged. */
export const ChatBody = Type.Object({
  model: ModelName,
  messages: Type.Array(Type.Object({ role: Type.String({ minLength: 1, maxLength: 50 }) }), {
    minItems: 1,
  }),
  stream: Type.Optional(Type.Union([Type.Boolean(), Type.Null()])),
  stream_options: Type.Optional(Type.Unknown()),
})

export const ChatAnswer = Type.Object({
  id: Type.String(),
  object: Type.Literal('chat.completion'),
  created: Type.Integer(),
  model: Type.String(),
  choices: Type.Array(
    Type.Object({
      index: Type.Integer(),
      message: Type.Object({ role: Type.Literal('assistant'), content: Type.String() }),
      finish_reason: Type.String(),
    }),
  ),
  usage: Type.Object({
    prompt_tokens: Type.Integer(),
    completion_tokens: Type.Integer(),
    total_tokens: Type.Integer(),
  }),
})

/** OpenAI's chat completions; by the model's server, else by the built-in one. */
export async function createChatCompletion(
  call: Call<Static<typeof ChatBody>>,
): Promise<Static<typeof ChatAnswer> | Streamed> {
  const { body, now } = call
  const model = modelFor(call, body.model)
  if (model) return forward(call, model, '/chat/completions')
  const { text, inputTokens, outputTokens } = echo(body.messages)
  await meterEcho(call, { inputTokens, outputTokens })
  const usage = {
    prompt_tokens: inputTokens,
    completion_tokens: outputTokens,
    total_tokens: inputTokens + outputTokens,
  }
  const about = {
    id: randomId('chatcmpl-'),
    created: Math.floor(now / 1000),
    model: ECHO_MODEL,
  }
  if (body.stream) {
    const told = member(body.stream_options, 'include_usage') === true ? usage : null
    return new Streamed(chatChunks(about, text, told), EVENT_HEADERS)
  }
  const message = { role: 'assistant' as const, content: text }
  const choices = [{ index: 0, message, finish_reason: 'stop' }]
  return { ...about, object: 'chat.completion', choices, usage }
}
