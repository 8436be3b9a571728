import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { ECHO_MODEL } from './echo.ts'

export const ModelList = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(
    Type.Object({
      id: Type.String(),
      object: Type.Literal('model'),
      created: Type.Integer(),
      owned_by: Type.String(),
    }),
  ),
})

/** The models that answer here, in OpenAI's shape. */
export async function listModels(_call: Call): Promise<Static<typeof ModelList>> {
  return {
    object: 'list',
    data: [{ id: ECHO_MODEL, object: 'model', created: 1_763_856_000, owned_by: 'freddy' }],
  }
}
