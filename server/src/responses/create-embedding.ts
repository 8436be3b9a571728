import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { ModelName } from '../wire/body.ts'
import type { Streamed } from '../wire/streamed.ts'
import { ECHO_MODEL, echoVector, tokensOf } from './echo.ts'
import { forward, meterEcho, modelFor } from './gateway.ts'

const Tokens = Type.Array(Type.Integer(), { minItems: 1 })

/** Fields that are not listed go to the model unchanged. */
export const EmbeddingBody = Type.Object({
  model: ModelName,
  input: Type.Union([
    Type.String(),
    Type.Array(Type.Union([Type.String(), Tokens]), { minItems: 1, maxItems: 2048 }),
    Tokens,
  ]),
  encoding_format: Type.Optional(Type.Union([Type.Literal('float'), Type.Literal('base64')])),
  dimensions: Type.Optional(Type.Integer({ minimum: 1, maximum: 4096 })),
})

export const EmbeddingAnswer = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(
    Type.Object({
      object: Type.Literal('embedding'),
      index: Type.Integer(),
      embedding: Type.Unknown({ description: 'Numbers, or base64 of 32-bit floats when asked' }),
    }),
  ),
  model: Type.String(),
  usage: Type.Object({ prompt_tokens: Type.Integer(), total_tokens: Type.Integer() }),
})

/** OpenAI's embeddings; by the model's server, else by the built-in one. */
export async function createEmbedding(
  call: Call<Static<typeof EmbeddingBody>>,
): Promise<Static<typeof EmbeddingAnswer> | Streamed> {
  const { body } = call
  const model = modelFor(call, body.model)
  if (model) return forward(call, model, '/embeddings')
  const texts = textsOf(body.input)
  const data = texts.map((text, index) => ({
    object: 'embedding' as const,
    index,
    embedding: encode(echoVector(text, body.dimensions), body.encoding_format),
  }))
  const tokens = texts.reduce((sum, text) => sum + tokensOf(text), 0)
  await meterEcho(call, { inputTokens: tokens, outputTokens: 0 })
  const usage = { prompt_tokens: tokens, total_tokens: tokens }
  return { object: 'list', data, model: ECHO_MODEL, usage }
}

function textsOf(input: Static<typeof EmbeddingBody>['input']): string[] {
  if (typeof input === 'string') return [input]
  if (input.every((part) => typeof part === 'number')) return [input.join(' ')]
  return input.map((part) => (typeof part === 'string' ? part : String(part)))
}

function encode(vector: number[], format = 'float'): number[] | string {
  if (format === 'float') return vector
  return Buffer.from(Float32Array.from(vector).buffer).toString('base64')
}
