import { type Static, Type } from 'typebox'
import { userOf } from '../auth/principal.ts'
import { randomId } from '../auth/random.ts'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import { type Soon, whenHere } from '../soon.ts'
import { ModelName } from '../wire/body.ts'
import { OrNull } from '../wire/reply.ts'
import { EVENT_HEADERS, Streamed } from '../wire/streamed.ts'
import { ECHO_MODEL, type Echo, echo } from './echo.ts'
import { responseEvents } from './echo-events.ts'
import { forward, meterEcho, modelFor } from './gateway.ts'
import { openResponseId, signResponseId } from './response-id.ts'

const Messages = Type.Array(
  Type.Object({ role: Type.String({ minLength: 1, maxLength: 50 }), content: Type.Unknown() }),
  { minItems: 1 },
)
const Input = Type.Union([Type.String(), Type.Array(Type.Unknown(), { minItems: 1 })])

/** Fields that are not listed go to the model unchanged, so none is refused (contract section 5). */
export const ResponseBody = Type.Object({
  model: ModelName,
  messages: Type.Optional(Messages),
  input: Type.Optional(Input),
  inputs: Type.Optional(Input),
  stream: Type.Optional(Type.Boolean()),
  previous_response_id: Type.Optional(OrNull(Type.String({ minLength: 1, maxLength: 512 }))),
})

type Body = Static<typeof ResponseBody>
type Answer = Static<typeof ResponseAnswer>

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

/** Answers messages (S), an OpenAI input or the inputs of the public reference; by the model's server, else by the built-in one. */
export function createResponse(call: Call<Body>): Soon<Answer | Streamed> {
  const { body } = call
  const asked = body.input ?? body.messages ?? body.inputs
  if (asked === undefined) throw unfit('messages', 'send messages, or input')
  const model = modelFor(call, body.model)
  if (model) return forward(call, model, '/responses', namesFor(body))
  if (typeof body.previous_response_id === 'string') {
    openResponseId(call.app, userOf(call), body.previous_response_id)
  }
  const told = echo(typeof asked === 'string' ? [asked] : asked)
  return whenHere(meterEcho(call, told), () => {
    const answer = echoAnswer(call, told)
    return body.stream ? new Streamed(responseEvents(answer), EVENT_HEADERS) : answer
  })
}

/** Model servers know `input` only. */
function namesFor({ input, messages }: Body): Record<string, string> {
  if (input !== undefined) return {}
  return messages === undefined ? { inputs: 'input' } : { messages: 'input' }
}

function echoAnswer(call: Call<Body>, { text, inputTokens, outputTokens }: Echo): Answer {
  return {
    id: signResponseId(call.app, userOf(call)),
    object: 'response',
    created_at: Math.floor(call.now / 1000),
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

function unfit(field: string, message: string): ApiError {
  return new ApiError('VALIDATION_ERROR', {
    details: { fields: [{ field, message }] },
    param: field,
  })
}
