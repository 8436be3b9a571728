import { Ajv, type ErrorObject, type ValidateFunction } from 'ajv'
import type { FastifySchemaCompiler } from 'fastify'
import type { TSchema } from 'typebox'
import { ApiError, type FieldProblem } from '../errors.ts'

/** Nothing is coerced, removed or filled in: what does not fit is named (security rule 19). */
const behaviour = {
  coerceTypes: false,
  removeAdditional: false,
  useDefaults: false,
  strict: false,
} as const
const thorough = new Ajv({ ...behaviour, allErrors: true })
/** Of a body that may be large, the first problem is enough. */
const brief = new Ajv({ ...behaviour, allErrors: false })
const dateTime = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)$/
for (const ajv of [thorough, brief]) {
  ajv.addFormat(
    'date-time',
    (text: string) => dateTime.test(text) && !Number.isNaN(Date.parse(text)),
  )
}

/** Fastify's seam for schemas: a value that does not fit becomes our own error, fields and all. */
export const validatorFor: FastifySchemaCompiler<TSchema> = ({ schema, httpPart }) => {
  const strictBody = (schema as { additionalProperties?: boolean }).additionalProperties === false
  const rules = strictBody || httpPart !== 'body' ? thorough : brief
  // Compiled when it is first needed: all of them at once are a third of a second of every start.
  let check: ValidateFunction | undefined
  return (value: unknown) => {
    check ??= rules.compile(schema)
    if (check(value)) return { value }
    // A path that does not fit its pattern names nothing that is there.
    if (httpPart === 'params') return { error: new ApiError(paramsCode(schema)) }
    const fields = problems(check.errors ?? [])
    const [first] = fields
    return {
      error: new ApiError('VALIDATION_ERROR', {
        details: { fields },
        ...(first?.field ? { param: first.field } : {}),
      }),
    }
  }
}

function paramsCode(schema: unknown): 'VALIDATION_ERROR' | 'RESOURCE_NOT_FOUND' {
  const { properties } = schema as { properties?: Record<string, unknown> }
  return properties && 'email_key' in properties ? 'VALIDATION_ERROR' : 'RESOURCE_NOT_FOUND'
}

/** One problem a field, in words that repeat nothing of what was sent but its names. */
function problems(errors: readonly ErrorObject[]): FieldProblem[] {
  const found = new Map<string, string>()
  for (const error of errors) {
    const field = fieldOf(error)
    if (!found.has(field)) found.set(field, messageOf(error))
  }
  return [...found].map(([field, message]) => ({ field, message })).slice(0, 20)
}

function fieldOf({ instancePath, keyword, params }: ErrorObject): string {
  const path = instancePath.slice(1).replaceAll('/', '.')
  const inner = {
    required: params.missingProperty,
    additionalProperties: params.additionalProperty,
  }
  const name = (inner as Record<string, unknown>)[keyword]
  if (typeof name !== 'string') return path
  return [path, name.slice(0, 100)].filter(Boolean).join('.')
}

function messageOf({ keyword, message }: ErrorObject): string {
  if (keyword === 'required') return 'is missing'
  if (keyword === 'additionalProperties') return 'is not a field of this request'
  return message ?? 'does not fit'
}
