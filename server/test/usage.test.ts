import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeApiKey } from '../src/auth/api-key.ts'
import { unlimited } from '../src/auth/key-limits.ts'
import { readConfig } from '../src/config.ts'
import { spendsFreely } from '../src/limits.ts'
import { type Answer, DAY, type Freddy, type Person, scene } from './freddy.ts'
import { shellBeside } from './shell.ts'

const question = { model: 'echo-1', input: 'hello' }
const origin = { address: '127.0.0.1', source: '127.0.0.1', network: null, agent: 'test' }

interface KeySettings {
  readonly scopes?: readonly string[]
  readonly models?: readonly string[]
  readonly limits?: Partial<typeof unlimited> | Readonly<Record<string, number>>
}

async function keyOf(
  freddy: Freddy,
  owner: Person,
  { scopes = ['responses', 'usage:read'], models, limits = {} }: KeySettings = {},
) {
  const call = { app: freddy.running.app, now: freddy.now(), origin }
  const made = await makeApiKey(call, {
    userId: owner.id,
    name: 'a key',
    scopes,
    expiresAt: null,
    ...(models ? { models } : {}),
    limits: { ...unlimited, ...limits },
  })
  assert.ok(made)
  return { id: made.row.id, headers: { 'api-key': made.key } }
}

const ask = (freddy: Freddy, headers: Record<string, string>, body: object = question) =>
  freddy.ask('POST /v1/responses', { headers, body })

const idOf = (answer: Answer) => String(answer.headers['x-request-id'])

scene('a person sees what was used by key, model and day; a key sees its own', async (freddy) => {
  const ada = await freddy.person('ada')
  const one = await keyOf(freddy, ada)
  const other = await keyOf(freddy, ada)
  await ask(freddy, one.headers)
  await ask(freddy, one.headers)
  freddy.pass(DAY)
  await ask(freddy, other.headers)
  const again = await freddy.signIn(ada)
  await freddy.ask('POST /v1/responses', { token: again.token, body: question })

  const byKey = await freddy.ask('GET /v1/usage?by=key', { token: again.token })
  assert.equal(byKey.status, 200, byKey.text)
  assert.deepEqual(
    new Set(
      byKey.body.data.map((row: { key: string; calls: number }) => `${row.key} ${row.calls}`),
    ),
    new Set([`${one.id} 2`, `${other.id} 1`, 'null 1']),
  )
  const sum = { calls: 4, input_tokens: 8, output_tokens: 8, money_millionths: 0 }
  assert.deepEqual(byKey.body.total, sum)
  const byDay = await freddy.ask('GET /v1/usage', { token: again.token })
  assert.deepEqual(
    byDay.body.data.map(({ day, calls }: { day: string; calls: number }) => [day, calls]),
    [
      ['2026-11-23', 2],
      ['2026-11-24', 2],
    ],
  )
  const day = 'from=2026-11-23T00:00:00Z&to=2026-11-24T00:00:00Z'
  const first = await freddy.ask(`GET /v1/usage?by=model&${day}`, { token: again.token })
  assert.deepEqual(first.body.data, [
    { model: 'echo-1', ...sum, calls: 2, input_tokens: 4, output_tokens: 4 },
  ])

  const mine = await freddy.ask('GET /v1/usage?by=key', { headers: other.headers })
  assert.deepEqual(mine.body.data, [
    { key: other.id, ...sum, calls: 1, input_tokens: 2, output_tokens: 2 },
  ])
  const eve = await freddy.signIn(await freddy.person('eve'))
  assert.deepEqual((await freddy.ask('GET /v1/usage', { token: eve.token })).body.data, [])
  for (const query of [
    'by=user',
    'from=yesterday',
    'from=2026-11-24T00:00:00Z&to=2026-11-23T00:00:00Z',
    'from=2020-01-01T00:00:00Z',
  ]) {
    assert.equal(
      (await freddy.ask(`GET /v1/usage?${query}`, { token: again.token })).status,
      422,
      query,
    )
  }
})

scene(
  'a model whose name no database keeps is refused, and the bill goes on for everybody',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const free = await keyOf(freddy, ada)
    const bound = await keyOf(freddy, ada, { models: ['echo-*'] })
    const asked = [
      ['/v1/responses', { input: 'hello' }],
      ['/v1/model/response', { inputs: 'hello' }],
      ['/v1/chat/completions', { messages: [{ role: 'user', content: 'hello' }] }],
      ['/v1/embeddings', { input: 'hello' }],
    ] as const
    for (const [path, more] of asked) {
      for (const model of ['echo-1\u0000', '\ud800', 'a\udc00b', '\n', '\u007f', '\u0085', '']) {
        for (const { headers } of [free, bound]) {
          const answer = await freddy.ask(`POST ${path}`, { headers, body: { ...more, model } })
          assert.equal(answer.status, 422, `${path} ${JSON.stringify(model)}`)
          assert.equal(answer.body.error.details.fields[0].field, 'model')
        }
      }
      for (const model of ['🦜'.repeat(200), 'large model/v2:ü']) {
        const body = { ...more, model }
        const answer = await freddy.ask(`POST ${path}`, { headers: free.headers, body })
        assert.equal(answer.status, 200, answer.text)
      }
    }
    const { body } = await freddy.ask('GET /v1/usage', { headers: free.headers })
    assert.equal(body.total.calls, 2 * asked.length)
  },
)

scene('the number that refuses is the number that is shown', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const key = await keyOf(freddy, ada, { limits: { tokens_per_day: 10, money_per_month: 7 } })
  let answer = await ask(freddy, key.headers)
  for (let calls = 1; answer.status === 200; calls++) {
    for (const seer of [{ token }, { headers: key.headers }]) {
      const { body } = await freddy.ask('GET /v1/usage', seer)
      const shown = body.limits.find(({ limit }: { limit: string }) => limit === 'tokens_per_day')
      assert.deepEqual([shown.used, shown.held, shown.most], [calls * 4, 0, 10])
      assert.equal(shown.used, body.total.input_tokens + body.total.output_tokens)
    }
    answer = await ask(freddy, key.headers)
  }
  assert.equal(answer.status, 402)
  assert.deepEqual(
    { ...answer.body.error.details, approval_url: undefined },
    {
      reason:
        'The API key had used 12 of 10 (tokens_per_day). It begins anew at 2026-11-24T00:00:00.000Z.',
      level: 'key',
      limit: 'tokens_per_day',
      used: 12,
      most: 10,
      resets_at: '2026-11-24T00:00:00.000Z',
      approval_url: undefined,
    },
  )
  freddy.pass(DAY)
  assert.equal((await ask(freddy, key.headers)).status, 200, 'it begins anew when it said')
})

scene('every refusal of a call is explained to who made it, and to nobody else', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const eve = await freddy.signIn(await freddy.person('eve'))
  const key = await keyOf(freddy, ada, { models: ['echo-*'], limits: { tokens_per_day: 4 } })
  const other = await keyOf(freddy, ada)
  const explain = async (call: Answer, seer: object = { headers: key.headers }) =>
    freddy.ask(`GET /v1/usage/requests/${idOf(call)}/explain`, seer)

  const right = await ask(freddy, key.headers)
  const told = await explain(right)
  assert.equal(told.status, 200, told.text)
  assert.equal(told.body.outcome, 'settled')
  assert.equal(told.body.sentence, 'It took 4 tokens, as the model server told.')
  assert.deepEqual(told.body.moves, [
    { step: 'reserved', from: 'free', to: 'held', tokens: 4, money_millionths: 0 },
    { step: 'settled', from: 'held', to: 'spent', tokens: 4, money_millionths: 0 },
  ])
  assert.deepEqual(told.body.limits, [
    {
      level: 'key',
      key: key.id,
      limit: 'tokens_per_day',
      unit: 'tokens',
      used: 4,
      held: 4,
      most: 4,
      resets_at: '2026-11-24T00:00:00.000Z',
    },
  ])

  freddy.pass(1)
  const dear = await ask(freddy, key.headers)
  assert.equal(dear.status, 402)
  const spent = await explain(dear)
  assert.equal(spent.body.code, 'BUDGET_EXHAUSTED')
  assert.equal(
    spent.body.sentence,
    'The API key had used 4 of 4 (tokens_per_day). It begins anew at 2026-11-24T00:00:00.000Z.',
  )
  assert.equal(spent.body.limits[0].used, 4)

  for (const seer of [{ token: eve.token }, { headers: other.headers }]) {
    assert.equal((await explain(right, seer)).status, 404)
    assert.equal((await explain(dear, seer)).status, 404)
  }
  assert.equal((await explain(right, { token })).status, 200, 'the person sees every key')
  const list = await freddy.ask('GET /v1/usage/requests?limit=1', { token })
  assert.deepEqual([list.body.data[0].request_id, list.body.has_more], [idOf(dear), true])
  const next = await freddy.ask(`GET /v1/usage/requests?after=${list.body.data[0].id}`, { token })
  assert.deepEqual(
    next.body.data.map(({ request_id }: { request_id: string }) => request_id),
    [idOf(right)],
  )
  assert.equal(
    (await freddy.ask('GET /v1/usage/requests', { token: eve.token })).body.data.length,
    0,
  )
})

scene(
  'a model that a key is not for is a 403 that names the limit and is explained',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const key = await keyOf(freddy, ada, { models: ['big-*'] })
    const refused = await ask(freddy, key.headers)
    assert.equal(refused.status, 403)
    assert.deepEqual(refused.body.error.details, { reason: 'model', limit: 'models' })
    const { body } = await freddy.ask(`GET /v1/usage/requests/${idOf(refused)}/explain`, {
      headers: key.headers,
    })
    assert.deepEqual(
      [body.code, body.sentence],
      ['INSUFFICIENT_PERMISSIONS', 'This API key is not for the model echo-1.'],
    )
  },
)

scene(
  'a call too many is a 429 that names the limit and when it has room, and is explained',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const key = await keyOf(freddy, ada)
    const { token } = await freddy.signIn(ada)
    await ask(freddy, key.headers)
    const refused = await ask(freddy, key.headers)
    assert.equal(refused.status, 429)
    const { details } = refused.body.error
    const room = new Date(freddy.now() + 60_000).toISOString()
    assert.deepEqual(details, { retry_after: 60, limit: 'requests', resets_at: room })
    const told = await freddy.ask(`GET /v1/usage/requests/${idOf(refused)}/explain`, { token })
    assert.equal(told.body.code, 'TOO_MANY_REQUESTS')
    assert.equal(
      told.body.sentence,
      `The limit requests had no room; it had some again at ${room}.`,
    )
    const eve = await freddy.signIn(await freddy.person('eve'))
    const hers = await freddy.ask(`GET /v1/usage/requests/${idOf(refused)}/explain`, {
      token: eve.token,
    })
    assert.equal(hers.status, 404)
  },
  { env: { LIMITS: 'requests=1/60' } },
)

scene(
  'a deleted person leaves no bill behind that keeps those of others from being written',
  async (freddy) => {
    const { app } = freddy.running
    const [ada, eve] = [await freddy.person('ada'), await freddy.person('eve')]
    const [gone, stays] = [await keyOf(freddy, ada), await keyOf(freddy, eve)]
    await ask(freddy, gone.headers)
    await ask(freddy, stays.headers)
    await freddy.database.write('DELETE FROM users WHERE id = :id', { id: ada.id })
    await app.usage.flush()
    const { body } = await freddy.ask('GET /v1/usage', { headers: stays.headers })
    assert.equal(body.total.calls, 1)
    const dropped = freddy.log.filter((line) => line.includes('usage.dropped'))
    assert.deepEqual(dropped, [], 'nobody owes it, so it is no loss')
  },
)

scene(
  'a person has a budget over all keys and sessions, which no single key opens',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const { token } = await freddy.signIn(ada)
    const [one, other] = [
      await keyOf(freddy, ada),
      await keyOf(freddy, ada, { limits: { tokens_per_day: 1000 } }),
    ]
    const set = (words: string) => {
      const said = shellBeside(freddy, ['users', 'budget', 'ada', ...words.split(' ')])
      freddy.pass(1000)
      return said.text.trim()
    }
    await ask(freddy, one.headers)
    assert.equal(
      set('--tokens-per-month 12 --money-per-day 2.5'),
      'ada: tokens per month 12, money per day 2.5',
    )
    const right = await ask(freddy, other.headers)
    assert.equal((await freddy.ask('POST /v1/responses', { token, body: question })).status, 200)
    for (const headers of [one.headers, other.headers, { authorization: `Bearer ${token}` }]) {
      const refused = await ask(freddy, headers)
      assert.equal(refused.status, 402, refused.text)
      const { level, limit, used, most, resets_at, approval_url } = refused.body.error.details
      assert.deepEqual([level, limit, used, most], ['person', 'tokens_per_month', 12, 12])
      assert.equal(resets_at, '2026-12-01T00:00:00.000Z')
      assert.equal(approval_url, undefined, "a person's budget is the operator's")
    }
    const dear = await ask(freddy, other.headers)
    const told = async (call: Answer, seer: object) => {
      const { body } = await freddy.ask(`GET /v1/usage/requests/${idOf(call)}/explain`, seer)
      return body.limits.map(({ level, limit }: Record<string, string>) => `${level} ${limit}`)
    }
    const persons = ['person money_per_day', 'person tokens_per_month']
    assert.deepEqual(await told(right, { token }), [...persons, 'key tokens_per_day'])
    assert.deepEqual(await told(dear, { token }), [...persons, 'key tokens_per_day'])
    const seer = { headers: other.headers }
    assert.deepEqual(await told(right, seer), ['key tokens_per_day'], 'none of its business')
    assert.deepEqual(await told(dear, seer), ['person tokens_per_month', 'key tokens_per_day'])

    const { body } = await freddy.ask('GET /v1/usage', { headers: other.headers })
    assert.deepEqual(
      body.limits.map(({ level, used }: { level: string; used: number }) => [level, used]),
      [['key', 4]],
      'what was refused above left nothing on the level below',
    )
    assert.equal(set('--standard'), 'ada: no budget')
    assert.equal((await ask(freddy, one.headers)).status, 200)
    const events = await freddy.database.read<{ actor: string }>(
      "SELECT actor FROM audit_events WHERE event = 'user.budget'",
    )
    assert.deepEqual(
      events.map(({ actor }) => actor),
      ['shell', 'shell'],
    )
  },
)

scene(
  'a person sees the limits of every live key, however many have ended since',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const capped = await keyOf(freddy, ada, { limits: { tokens_per_day: 10, money_per_month: 7 } })
    await keyOf(freddy, ada)
    freddy.pass(1)
    const newer = await keyOf(freddy, ada, { limits: { tokens_per_month: 20 } })
    await ask(freddy, capped.headers)
    for (const ended of ['revoked_at', 'expires_at']) {
      await freddy.database.write(
        `WITH RECURSIVE counter (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM counter WHERE n < 200)
         INSERT INTO api_keys (id, user_id, name, hash, prefix, last4, scopes, created_at, tokens_per_day, ${ended})
         SELECT CAST(:id AS TEXT) || CAST(n AS TEXT), CAST(:user AS TEXT), 'k', CAST(:id AS TEXT) || CAST(n AS TEXT),
           'p', 'l', 'responses', CAST(:now AS BIGINT) + 1, 5, CAST(:now AS BIGINT) FROM counter`,
        { id: ended, user: ada.id, now: freddy.now() },
      )
    }
    const { token } = await freddy.signIn(ada)
    const { body } = await freddy.ask('GET /v1/usage', { token })
    assert.deepEqual(
      body.limits.map(({ key, limit, used }: Record<string, string>) => [key, limit, used]),
      [
        [newer.id, 'tokens_per_month', 0],
        [capped.id, 'tokens_per_day', 4],
        [capped.id, 'money_per_month', 0],
      ],
    )
  },
)

scene(
  'USER_BUDGET holds for everybody of whom the operator says nothing else',
  async (freddy) => {
    const { token } = await freddy.signIn(await freddy.person('ada'))
    const call = () => freddy.ask('POST /v1/responses', { token, body: question })
    assert.deepEqual([(await call()).status, (await call()).status], [200, 402])
    const { token: eves } = await freddy.signIn(await freddy.person('eve'))
    assert.equal(
      (await freddy.ask('POST /v1/responses', { token: eves, body: question })).status,
      200,
    )
  },
  { env: { USER_BUDGET: 'tokens_per_day=3, money_per_month=0.5' } },
)

test('USER_BUDGET takes amounts by their names, and nothing else', () => {
  const read = (text: string) => readConfig({ USER_BUDGET: text }).userBudget
  assert.deepEqual(read('tokens_per_month=5000000000,money_per_day=2.5'), {
    ...spendsFreely,
    tokens_per_month: 5_000_000_000,
    money_per_day: 2_500_000,
  })
  for (const wrong of [
    '5',
    'tokens=5',
    'tokens_per_day=-1',
    'money_per_day=999999999999',
    'tokens_per_day=1;x',
  ]) {
    assert.throws(() => read(wrong), { name: 'ConfigError' }, wrong)
  }
})
