import { type Static, Type } from 'typebox'
import { mayUse } from '../auth/principal.ts'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import { ECHO_MODEL } from './echo.ts'

const CREATED = 1_763_856_000

/** OpenAI's shape, and what the operator said of context and prices (per million tokens). */
export const ModelAnswer = Type.Object({
  id: Type.String(),
  object: Type.Literal('model'),
  created: Type.Integer(),
  owned_by: Type.String(),
  context_length: Type.Optional(Type.Integer()),
  input_price: Type.Optional(Type.Number()),
  output_price: Type.Optional(Type.Number()),
})

export const ModelList = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(ModelAnswer),
})

export const ModelParams = Type.Object({
  id: Type.String({ minLength: 1, maxLength: 200 }),
})

type Answer = Static<typeof ModelAnswer>

/** The models that answer here, of those the caller's key is for; a server behind UPSTREAM_URL may know more by name. */
export async function listModels({ app, principal }: Call): Promise<Static<typeof ModelList>> {
  const { models, standard } = app.models
  const builtIn: Answer[] = models.length > 0 || standard ? [] : [base(ECHO_MODEL)]
  const all = [...models.map(describe), ...builtIn]
  return { object: 'list', data: all.filter(({ id }) => mayUse(principal, id)) }
}

export async function showModel({
  app,
  params,
  principal,
}: Call<unknown, Static<typeof ModelParams>>): Promise<Answer> {
  if (!mayUse(principal, params.id)) throw new ApiError('RESOURCE_NOT_FOUND')
  const { models, standard } = app.models
  const model = models.find(({ name }) => name === params.id)
  if (model) return describe(model)
  if (standard || models.length > 0 || params.id !== ECHO_MODEL) {
    throw new ApiError('RESOURCE_NOT_FOUND')
  }
  return base(ECHO_MODEL)
}

function describe(model: Call['app']['models']['models'][number]): Answer {
  return {
    ...base(model.name),
    ...(model.context === null ? {} : { context_length: model.context }),
    ...(model.inputPrice === null ? {} : { input_price: model.inputPrice }),
    ...(model.outputPrice === null ? {} : { output_price: model.outputPrice }),
  }
}

const base = (id: string): Answer => ({ id, object: 'model', created: CREATED, owned_by: 'freddy' })
