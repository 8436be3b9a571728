import fastJson from 'fast-json-stringify'
import type { FastifySerializerCompiler } from 'fastify'
import type { TSchema } from 'typebox'

/** Fastify's seam for answers, as validator.ts is for what is asked: only fields of the schema go out. */
export const serializerFor: FastifySerializerCompiler<TSchema> = ({ schema }) => {
  // Made for the first answer of each route: all of them at once are a tenth of every start.
  let write: ((answer: unknown) => string) | undefined
  return (answer) => {
    write ??= fastJson(schema)
    return write(answer)
  }
}
