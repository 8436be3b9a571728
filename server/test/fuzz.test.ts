import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Ajv } from 'ajv'
import { databases } from './databases.ts'
import { type Freddy, startFreddy } from './freddy.ts'
import { type Dice, fitting, mangled, type Schema, seeded, spoilt } from './fuzz-values.ts'

const SEED = 20_261_123
const AT_ONCE = 25
const rounds = { SQLite: 20_000, PostgreSQL: 2000 } as const
const LIMITS =
  'requests,register-source,verify-source,pair-source,poll-source,refused-source,refresh,username-check,check,introspect,jwks-source,revoke-source'
    .split(',')
    .map((name) => `${name}=off`)
    .join(',')

interface Operation {
  readonly line: string
  readonly method: string
  readonly path: string
  readonly statuses: readonly string[]
  readonly codes: readonly string[]
  readonly body: Schema | null
  readonly fits: (body: unknown) => boolean
  readonly parameters: readonly { name: string; in: string; schema: Schema }[]
}

interface Shot {
  readonly operation: Operation
  readonly url: string
  readonly headers: Record<string, string>
  readonly payload: Buffer | null
  /** Whether the description says that this body does not fit. */
  readonly isWrong: boolean
}

for (const { name, open } of databases) {
  test(`whatever is sent, the answer is one that the description names (${name})`, async () => {
    const place = await open()
    const freddy = await startFreddy(place.url, name, { env: { LIMITS } })
    try {
      await fuzz(freddy, rounds[name])
    } finally {
      await freddy.running.close()
      await freddy.mail.close()
      await place.drop()
    }
  })
}

async function fuzz(freddy: Omit<Freddy, 'database'>, count: number): Promise<void> {
  const credentials = await credentialsOf(freddy)
  const { body } = await freddy.ask('GET /openapi.json')
  const operations = operationsOf(body)
  assert.ok(operations.length > 15)
  const dice = seeded(SEED)
  const seen = new Map<number, number>()
  const wrong = new Set<string>()
  for (let sent = 0; sent < count; sent += AT_ONCE) {
    const shots = Array.from({ length: AT_ONCE }, () =>
      aim(dice, dice.pick(operations), credentials),
    )
    for (const status of await Promise.all(shots.map((shot) => fire(freddy, shot)))) {
      seen.set(status, (seen.get(status) ?? 0) + 1)
    }
    for (const { operation, isWrong } of shots) if (isWrong) wrong.add(operation.line)
    freddy.pass(500)
  }
  // The run reached what it was made to reach: doors that open, and every kind of refusal on the way to them.
  for (const status of [200, 201, 400, 401, 403, 404, 415, 422])
    assert.ok(seen.has(status), `${status}`)
  assert.equal(wrong.size, operations.filter(({ body }) => body).length)
}

async function credentialsOf(freddy: Omit<Freddy, 'database'>): Promise<Record<string, string>[]> {
  const { token } = await freddy.signIn(await freddy.person('ada'))
  const keyOf = async (scopes: string[]) => {
    const made = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'k', scopes } })
    return { 'api-key': String(made.body.key) }
  }
  const bearer = { authorization: `Bearer ${token}` }
  return [
    bearer,
    bearer,
    bearer,
    await keyOf(['responses', 'models', 'account:read']),
    await keyOf(['usage:read']),
    {},
    { authorization: 'Bearer ' },
    { authorization: `Bearer ${token.slice(0, -4)}AAAA` },
    { 'api-key': 'ak_nothing' },
    { ...bearer, 'api-key': 'x' },
  ]
}

function operationsOf(document: { paths: Record<string, Record<string, Described>> }): Operation[] {
  const ajv = new Ajv({ strict: false, validateFormats: false })
  return Object.entries(document.paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, described]) => {
      const body = described.requestBody?.content['application/json']?.schema ?? null
      return {
        line: `${method.toUpperCase()} ${path}`,
        method: method.toUpperCase(),
        path,
        statuses: Object.keys(described.responses),
        codes: described['x-refusals'],
        body,
        fits: body ? ajv.compile(body) : () => true,
        parameters: described.parameters ?? [],
      }
    }),
  )
}

interface Described {
  readonly requestBody?: { content: Record<string, { schema: Schema } | undefined> }
  readonly responses: Record<string, unknown>
  readonly parameters?: Operation['parameters']
  readonly 'x-refusals': readonly string[]
}

function aim(dice: Dice, operation: Operation, credentials: Record<string, string>[]): Shot {
  // The session that opens the other doors is not to be ended.
  const isLogout = operation.path.endsWith('/logout')
  const credential = isLogout ? {} : dice.pick(credentials)
  const type = dice.below(30) === 0 ? 'text/plain' : 'application/json'
  const accept = dice.below(10) === 0 ? { accept: 'application/problem+json' } : {}
  const shot = { operation, url: urlOf(dice, operation) }
  const headers = { host: 'localhost', ...credential, ...accept }
  if (!operation.body) return { ...shot, headers, payload: null, isWrong: false }

  const kind = dice.pick(['fits', 'spoilt', 'spoilt', 'mangled'] as const)
  const body = kind === 'spoilt' ? spoilt(operation.body, dice) : fitting(operation.body, dice)
  const text = JSON.stringify(body)
  return {
    ...shot,
    headers: { ...headers, 'content-type': type },
    payload: kind === 'mangled' ? mangled(text, dice) : Buffer.from(text),
    isWrong: kind !== 'mangled' && !operation.fits(JSON.parse(text)),
  }
}

function urlOf(dice: Dice, { path, parameters }: Operation): string {
  let url = path
  const query = new URLSearchParams()
  for (const { name, in: place, schema } of parameters) {
    const isOdd = dice.below(3) === 0
    const value = isOdd
      ? dice.pick(['x', '0', "1' OR 1=1", '9'.repeat(40), '%00'])
      : fitting(schema, dice)
    if (place === 'path') url = url.replace(`{${name}}`, encodeURIComponent(String(value)))
    else if (dice.below(2) === 0) query.set(name, String(value))
  }
  if (dice.below(20) === 0)
    query.set(dice.pick(['debug', 'user_id', '__proto__', 'verification_code']), '1')
  return query.size ? `${url}?${query}` : url
}

/** Sends it, and holds the answer against the description. The status. */
async function fire(freddy: Omit<Freddy, 'database'>, shot: Shot): Promise<number> {
  const { operation, url, headers, payload, isWrong } = shot
  const method = operation.method as 'GET'
  const answer = await freddy.running.http.inject({
    method,
    url,
    headers,
    ...(payload ? { payload } : {}),
  })
  const status = answer.statusCode
  const told = `${operation.line} ${url} ${payload?.toString('latin1').slice(0, 400)}: ${status} ${answer.body.slice(0, 300)}`
  assert.ok(status < 500 || status === 503, told)
  assert.ok(operation.statuses.includes(String(status)), told)
  if (isWrong) assert.ok(status >= 400, told)
  if (status >= 400) {
    const said = answer.json()
    assert.ok(operation.codes.includes(said.error?.code ?? said.code), told)
  }
  assert.doesNotMatch(answer.body, /node_modules|SQLITE|syntax error|at async|\.ts:\d/, told)
  return status
}
