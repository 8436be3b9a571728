import { type Static, Type } from 'typebox'
import { requireModel } from '../auth/principal.ts'
import { randomId } from '../auth/random.ts'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import { ECHO_MODEL, echo, type Message } from './echo.ts'
import { reserve, settle, spenderOf } from './ledger.ts'

const Part = Type.Object({ type: Type.Optional(Type.String()), text: Type.Optional(Type.String()) })
const Message_ = Type.Object({
  role: Type.String({ minLength: 1, maxLength: 50 }),
  content: Type.Union([Type.String(), Type.Array(Part)]),
})

/** Fields that are not listed go to the model unchanged, so none is refused (contract section 5). */
export const ResponseBody = Type.Object({
  model: Type.String({ minLength: 1, maxLength: 200 }),
  messages: Type.Optional(Type.Array(Message_, { minItems: 1 })),
  input: Type.Optional(Type.Union([Type.String(), Type.Array(Message_, { minItems: 1 })])),
  stream: Type.Optional(Type.Boolean()),
})

export const ResponseAnswer = Type.Object({
  id: Type.String(),
  object: Type.Literal('response'),
  created_at: Type.Integer(),
  status: Type.Literal('completed'),
  model: Type.String(),
  output: Type.Array(
    Type.Object({
      id: Type.String(),
      type: Type.Literal('message'),
      role: Type.Literal('assistant'),
      status: Type.Literal('completed'),
      content: Type.Array(
        Type.Object({
          type: Type.Literal('output_text'),
          text: Type.String(),
          annotations: Type.Array(Type.String()),
        }),
      ),
    }),
  ),
  output_text: Type.String(),
  usage: Type.Object({
    input_tokens: Type.Integer(),
    output_tokens: Type.Integer(),
    total_tokens: Type.Integer(),
  }),
})

/** Answers messages (S) or an OpenAI input; for now by the built-in model, whatever model is named. */
export async function createResponse(
  call: Call<Static<typeof ResponseBody>>,
): Promise<Static<typeof ResponseAnswer>> {
  const { body, principal, now } = call
  if (body.stream) throw unfit('stream', 'streaming is not available on this server')
  requireModel(principal, body.model)
  const { text, inputTokens, outputTokens } = echo(messagesOf(body))
  const used = { inputTokens, outputTokens, money: 0 }
  const reservation = await reserve(call, { ...spenderOf(call), model: ECHO_MODEL, most: used })
  await settle(call.app, reservation, used)
  return {
    id: randomId('resp_'),
    object: 'response',
    created_at: Math.floor(now / 1000),
    status: 'completed',
    model: ECHO_MODEL,
    output: [
      {
        id: randomId('msg_'),
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text, annotations: [] }],
      },
    ],
    output_text: text,
    usage: {
      input_tokens: inputTokens,
      output_tokens: outputTokens,
      total_tokens: inputTokens + outputTokens,
    },
  }
}

function messagesOf({ messages, input }: Static<typeof ResponseBody>): readonly Message[] {
  if (messages) return messages as readonly Message[]
  if (typeof input === 'string') return [{ role: 'user', content: input }]
  if (input) return input as readonly Message[]
  throw unfit('messages', 'send messages, or input')
}

function unfit(field: string, message: string): ApiError {
  return new ApiError('VALIDATION_ERROR', {
    details: { fields: [{ field, message }] },
    param: field,
  })
}
