import type { FastifyRequest } from 'fastify'
import type { TSchema } from 'typebox'
import type { App, Call } from '../context.ts'
import { routes } from '../routes.ts'
import { callOf } from './form.ts'
import { spendCall } from './guards.ts'
import { validatorFor } from './validator.ts'

/**
 * Does for a page of ours what a row of the table of contents does for a client: the same limit, the same schema,
 * the same verb.
 */
export async function perform<Body, Answer>(
  app: App,
  request: FastifyRequest,
  verb: (call: Call<Body>) => Promise<Answer>,
  body: Body,
): Promise<Answer> {
  const route = routes.find((each) => each.verb === (verb as unknown))
  if (!route?.body) throw new Error(`${verb.name} is in no row that takes a body`)
  await spendCall(app, route, null, request, request.startedAt)
  const { error } = checkerOf(route.body)(body) as { error?: Error }
  if (error) throw error
  return verb(callOf(app, request, body))
}

const checkers = new Map<TSchema, ReturnType<typeof validatorFor>>()

function checkerOf(schema: TSchema): ReturnType<typeof validatorFor> {
  const made = checkers.get(schema)
  if (made) return made
  const checker = validatorFor({ schema, httpPart: 'body', method: '', url: '' })
  checkers.set(schema, checker)
  return checker
}
