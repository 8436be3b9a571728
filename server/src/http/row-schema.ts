import type { Route } from '../routes.ts'

/** What a row of the table of contents takes and answers, as Fastify has it. */
export function rowSchema({ body, params, query, answer, status, form }: Route) {
  return {
    ...(body ? { body } : {}),
    ...(form ? { consumes: ['application/json', 'application/x-www-form-urlencoded'] } : {}),
    ...(params ? { params } : {}),
    querystring: query ?? { type: 'object', properties: {}, additionalProperties: false },
    response: { [status]: answer },
  }
}
