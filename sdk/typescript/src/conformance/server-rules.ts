import { randomUUID } from 'node:crypto'
import { differenceFrom, type Expected } from './difference.ts'
import type { Heard, Question, Talk } from './server-talk.ts'

/** A rule of the contract that can be told from outside. */
export interface ServerRule {
  readonly name: string
  /** Ends the sentence "expected that …". */
  readonly promise: string
  /** Ends "but …"; null when the rule is kept. */
  check(talk: Talk): Promise<string | null>
}

const asks = (
  name: string,
  promise: string,
  question: Question,
  expected: Expected,
): ServerRule => ({
  name,
  promise,
  check: async (talk) => differenceFrom(expected, await talk.ask(question)),
})

export const refused = (status: number, code: string, more: Partial<Expected> = {}): Expected => ({
  status,
  body: { success: false, error: { code, status } },
  ...more,
})

export const nobody = () => ({
  email_or_username: `${randomUUID()}@example.com`,
  password: 'not the password of anybody',
})
export const LOGIN = 'POST /auth/login'
const strangeKey = { email_key: 'uuid-00000000-0000-4000-8000-000000000000' }
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })
/** Its header says that nobody signed it. */
const UNSIGNED = 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ1c3JfMCIsImV4cCI6NDEwMjQ0NDgwMH0.'
const KEY = `ak_${'0'.repeat(38)}`

export const serverRules: readonly ServerRule[] = [
  asks('alive', '/livez says that it lives', { line: 'GET ~/livez' }, { status: 200 }),
  asks('ready', '/readyz says that it is ready', { line: 'GET ~/readyz' }, { status: 200 }),
  asks(
    'openapi',
    '/openapi.json describes the founding calls',
    { line: 'GET ~/openapi.json' },
    {
      status: 200,
      body: {
        openapi: /^3\.1/,
        paths: {
          '/v1/auth/login': { post: {} },
          '/v1/auth/verify': { post: {} },
          '/v1/auth/refresh': { post: {} },
          '/v1/responses': { post: {} },
        },
      },
    },
  ),
  asks(
    'wrong-password',
    'wrong credentials are refused in the founding words',
    { line: LOGIN, body: nobody() },
    refused(401, 'INVALID_CREDENTIALS', {
      body: {
        success: false,
        error: { code: 'INVALID_CREDENTIALS', message: 'Invalid email or password', status: 401 },
      },
    }),
  ),
  {
    name: 'equal-answers',
    promise: 'an unknown address and an unknown name are refused alike',
    check: async (talk) => {
      const first = await talk.ask({ line: LOGIN, body: nobody() })
      const name = { ...nobody(), email_or_username: `n${randomUUID()}` }
      return unlike(first, await talk.ask({ line: LOGIN, body: name }))
    },
  },
  asks(
    'unknown-key',
    'a code for an unknown e-mail key is refused like a wrong code',
    { line: 'POST /auth/verify', body: { ...strangeKey, verification_code: 2290 } },
    refused(401, 'INVALID_VERIFICATION_CODE'),
  ),
  asks(
    'limit-headers',
    'a limited answer tells the limit, and what is left of it',
    { line: 'POST /auth/verify', body: { ...strangeKey, verification_code: 7315 } },
    {
      status: 401,
      headers: {
        ratelimit: /;r=\d+;t=\d+$/,
        'ratelimit-policy': /;q=\d+;w=\d+$/,
        'x-ratelimit-limit': /^\d+$/,
        'x-ratelimit-remaining': /^\d+$/,
        'x-ratelimit-reset': /^\d{10}$/,
      },
    },
  ),
  asks(
    'code-shape',
    'a code that is no number is refused by its shape, and the field is named',
    { line: 'POST /auth/verify', body: { ...strangeKey, verification_code: 'abcd' } },
    refused(422, 'VALIDATION_ERROR', {
      body: {
        error: { code: 'VALIDATION_ERROR', details: { fields: [{ field: 'verification_code' }] } },
      },
    }),
  ),
  asks(
    'unknown-field',
    'a field that nobody knows is refused',
    { line: LOGIN, body: { ...nobody(), surprise: true } },
    refused(422, 'VALIDATION_ERROR'),
  ),
  asks(
    'broken-json',
    'a body that is not JSON is refused',
    { line: LOGIN, text: '{"email_or_username":' },
    refused(400, 'MALFORMED_REQUEST'),
  ),
  asks(
    'doubled-name',
    'a body that names a field twice is refused',
    { line: LOGIN, text: '{"email_or_username":"a","email_or_username":"b","password":"c"}' },
    refused(400, 'MALFORMED_REQUEST'),
  ),
  asks(
    'content-type',
    'a body of another type is refused',
    { line: LOGIN, text: '{}', headers: { 'content-type': 'text/plain' } },
    refused(415, 'UNSUPPORTED_MEDIA_TYPE'),
  ),
  asks(
    'not-found',
    'a path that nobody knows is answered with 404 in our envelope',
    { line: 'GET /nowhere' },
    refused(404, 'RESOURCE_NOT_FOUND'),
  ),
  asks(
    'method',
    'a method that a path does not take is answered with 405, and Allow names those it takes',
    { line: 'GET /auth/login' },
    refused(405, 'METHOD_NOT_ALLOWED', { headers: { allow: /POST/ } }),
  ),
  asks(
    'no-credential',
    'a call without a credential is refused, and WWW-Authenticate says what is asked for',
    { line: 'POST /responses', body: { model: 'echo-1', messages: [] } },
    refused(401, 'AUTHENTICATION_REQUIRED', { headers: { 'www-authenticate': /^Bearer/ } }),
  ),
  asks(
    'unsigned-token',
    'a token that nobody signed is refused, and WWW-Authenticate says so',
    { line: 'GET /user/me', headers: bearer(UNSIGNED) },
    refused(401, 'TOKEN_INVALID', { headers: { 'www-authenticate': /invalid_token/ } }),
  ),
  asks(
    'invalid-key',
    'an API key that is none is refused',
    { line: 'GET /models', headers: { 'api-key': KEY } },
    refused(401, 'INVALID_API_KEY', { headers: { 'www-authenticate': /./ } }),
  ),
  asks(
    'two-credentials',
    'two credentials in one call are refused, whatever either is worth',
    { line: 'GET /models', headers: { ...bearer(UNSIGNED), 'api-key': KEY } },
    refused(400, 'AMBIGUOUS_CREDENTIALS'),
  ),
  asks(
    'strange-refresh',
    'a refresh token that is none is refused with 401',
    { line: 'POST /auth/refresh', body: { refresh_token: UNSIGNED } },
    refused(401, 'TOKEN_INVALID'),
  ),
  asks(
    'problem-json',
    'who asks for application/problem+json gets the error so',
    { line: 'GET /nowhere', headers: { accept: 'application/problem+json' } },
    {
      status: 404,
      headers: { 'content-type': /^application\/problem\+json/ },
      body: { status: 404, code: 'RESOURCE_NOT_FOUND', title: /./ },
    },
  ),
]

/** What every answer so far must be. */
export const answerRules: readonly ServerRule[] = [
  {
    name: 'request-id',
    promise: 'every answer carries an x-request-id of its own',
    check: async ({ all }) => {
      const ids = all.map(({ headers }) => headers.get('x-request-id'))
      const bare = all[ids.indexOf(null)]
      if (bare) return `${bare.line} answered without one`
      return new Set(ids).size === ids.length ? null : 'two answers carried the same'
    },
  },
  {
    name: 'envelope',
    promise: 'every refusal is in the one envelope, with the request id as its trace_id',
    check: async ({ all }) => firstOf(all.filter(isRefusal), envelopeProblem),
  },
  {
    name: 'no-store',
    promise: 'every answer about signing in says Cache-Control: no-store',
    check: async ({ all }) =>
      firstOf(
        all.filter(({ line, status }) => /^POST \/auth\//.test(line) && status < 500),
        ({ line, headers }) =>
          /no-store/.test(headers.get('cache-control') ?? '') ? null : `${line} does not say so`,
      ),
  },
]

/** Health speaks words of its own. */
const isRefusal = ({ line, status, headers }: Heard) =>
  status >= 400 && !line.includes('~') && !headers.get('content-type')?.includes('problem+json')

function envelopeProblem(heard: Heard): string | null {
  const { status, headers } = heard
  const type = /^(client|authentication|server)_error$/
  const error = { message: /./, system_message: /./, type, status, timestamp: /^\d{4}-.*Z$/ }
  const id = headers.get('x-request-id')
  const body = { success: false, error: id === null ? error : { ...error, trace_id: id } }
  return differenceFrom({ status, body }, heard)
}

function firstOf<T>(all: readonly T[], problemOf: (one: T) => string | null): string | null {
  for (const one of all) {
    const problem = problemOf(one)
    if (problem) return problem
  }
  return null
}

/** Whether two refusals differ in more than who asked and when. */
export function unlike(first: Heard, second: Heard): string | null {
  const told = [first, second].map(({ status, body }) => {
    const { trace_id: _, timestamp: __, ...error } = body?.error ?? {}
    return JSON.stringify({ status, error })
  })
  return told[0] === told[1] ? null : `one was ${told[0]} and the other ${told[1]}`
}
