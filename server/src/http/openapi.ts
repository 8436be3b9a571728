import Fastify from 'fastify'
import type { OpenAPIV3_1 } from 'openapi-types'
import { errors } from '../errors.ts'
import { type Route, routes } from '../routes.ts'
import { rowSchema } from './row-schema.ts'
import { schemaController } from './schema-controller.ts'
import type { Http } from './server.ts'

const ErrorEnvelope: OpenAPIV3_1.SchemaObject = {
  type: 'object',
  required: ['success', 'error'],
  properties: {
    success: { const: false },
    error: {
      type: 'object',
      required: ['code', 'message', 'type', 'status', 'trace_id', 'timestamp', 'doc_url'],
      properties: {
        code: { enum: Object.keys(errors) },
        message: { type: 'string' },
        system_message: { type: 'string' },
        type: { enum: ['client_error', 'authentication_error', 'server_error'] },
        status: { type: 'integer' },
        details: {
          type: 'object',
          properties: {
            retry_after: { type: 'integer', description: 'Seconds' },
            reason: { type: 'string' },
            ended_at: { type: 'string', format: 'date-time' },
            fields: {
              type: 'array',
              items: {
                type: 'object',
                properties: { field: { type: 'string' }, message: { type: 'string' } },
              },
            },
          },
        },
        param: { type: 'string' },
        trace_id: { type: 'string' },
        timestamp: { type: 'string', format: 'date-time' },
        doc_url: { type: 'string', description: 'What to do, on this server' },
      },
    },
  },
}

/** What a form is refused with where OAuth says how (RFC 6749, section 5.2). */
const OAuthError: OpenAPIV3_1.SchemaObject = {
  type: 'object',
  required: ['error', 'error_description', 'code', 'trace_id'],
  properties: {
    error: { type: 'string' },
    error_description: { type: 'string' },
    code: { enum: Object.keys(errors) },
    trace_id: { type: 'string' },
  },
}

/** Tells what the API is, to whoever asks. */
export function openApi(http: Http): void {
  let description: Promise<unknown> | undefined
  http.get('/openapi.json', async (_request, reply) => {
    description ??= describeApi()
    return reply.send(await description)
  })
}

/**
 * The description of the API (OpenAPI 3.1), made from the table of contents, and needing nothing else: not by the server
 * that answers, whose every start would pay for it, but by one that has the same rows and is never asked.
 */
export async function describeApi(): Promise<unknown> {
  const { default: swagger } = await import('@fastify/swagger')
  const http = Fastify({ schemaController })
  http.setValidatorCompiler(() => () => true)
  http.setSerializerCompiler(() => JSON.stringify)
  await http.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Freddy Auth',
        version: '1',
        description:
          'Two-step sign-in, API keys and a gateway. Where an operation takes no body, one of up to 16 kB that declares its length is ignored, any other is refused with 413.',
      },
      servers: [{ url: '/' }],
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' },
          apiKey: { type: 'apiKey', in: 'header', name: 'api-key' },
        },
        schemas: { Error: ErrorEnvelope, OAuthError },
      },
    },
    transform: ({ schema, url, route }) => {
      const row = (route.config as { row?: Route } | undefined)?.row
      if (!row) return { schema, url }
      return { schema: { ...schema, ...describe(row) }, url }
    },
    transformObject: (document) =>
      'openapiObject' in document ? withErrors(document.openapiObject) : document.swaggerObject,
  })
  for (const row of routes) {
    const { method, path: url } = row
    http.route({ method, url, schema: rowSchema(row), config: { row }, handler: async () => null })
  }
  await http.ready()
  const description = http.swagger()
  await http.close()
  return description
}

/** What a row of the table says beside its schemas. */
function describe(row: Route) {
  const keys = row.who === 'signedIn' || row.who === 'admin' ? [] : [{ apiKey: [] }]
  const security = row.who === 'open' ? [] : [{ bearer: [] }, ...keys]
  return {
    summary: row.summary,
    tags: [row.path.split('/')[2] ?? ''],
    security,
    'x-refusals': refusalsOf(row),
    ...(row.oauth ? { 'x-oauth': true } : {}),
  }
}

/** Every code that a row can answer with: its own, and those of the checks before it. */
export function refusalsOf(row: Route): string[] {
  const guarded = [
    'AUTHENTICATION_REQUIRED',
    'TOKEN_INVALID',
    'TOKEN_EXPIRED',
    'AMBIGUOUS_CREDENTIALS',
  ]
  const keyed = ['INVALID_API_KEY', 'API_KEY_EXPIRED', 'API_KEY_PAUSED', 'INSUFFICIENT_PERMISSIONS']
  const all = [
    'MALFORMED_REQUEST',
    'REQUEST_TIMEOUT',
    'PAYLOAD_TOO_LARGE',
    'VALIDATION_ERROR',
    'TOO_MANY_REQUESTS',
    'HEADERS_TOO_LARGE',
    'INTERNAL_ERROR',
    'SERVICE_UNAVAILABLE',
    ...(row.who === 'open' ? [] : [...guarded, ...keyed]),
    ...(row.body ? ['UNSUPPORTED_MEDIA_TYPE'] : []),
    ...(row.params ? ['RESOURCE_NOT_FOUND'] : []),
    ...(row.refusals ?? []),
  ]
  return [...new Set(all)].sort()
}

type Document = {
  paths?: Record<string, Record<string, Record<string, unknown> | undefined> | undefined>
}

/** Turns each operation's codes into its answers: one a status, with the codes that it carries. */
function withErrors<T>(document: T): T {
  for (const operations of Object.values((document as Document).paths ?? {})) {
    for (const operation of Object.values(operations ?? {})) {
      const codes = operation?.['x-refusals']
      if (!operation || !Array.isArray(codes)) continue
      operation.responses = {
        ...(operation.responses as object),
        ...answersFor(codes, schemaOf(operation)),
      }
    }
  }
  return document
}

function schemaOf(operation: Record<string, unknown>): OpenAPIV3_1.SchemaObject {
  const [ours, oauth] = ['Error', 'OAuthError'].map((name) => ({
    $ref: `#/components/schemas/${name}`,
  }))
  return (operation['x-oauth'] ? { anyOf: [ours, oauth] } : ours) as OpenAPIV3_1.SchemaObject
}

function answersFor(codes: readonly string[], schema: OpenAPIV3_1.SchemaObject) {
  const byStatus = Map.groupBy(codes, (code) => errors[code as keyof typeof errors][0])
  const answers = [...byStatus].map(([status, list]) => [
    String(status),
    {
      description: list.join(', '),
      content: { 'application/json': { schema } },
    },
  ])
  return Object.fromEntries(answers)
}
