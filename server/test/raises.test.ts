import assert from 'node:assert/strict'
import { makeApiKey } from '../src/auth/api-key.ts'
import { unlimited } from '../src/auth/key-limits.ts'
import { DAY, type Freddy, MINUTE, type Person, scene, wrongCode } from './freddy.ts'
import { keyOwner } from './key-owner.ts'

const question = { model: 'echo-1', input: 'hello' }
const origin = { address: '127.0.0.1', source: '127.0.0.1', network: null, agent: 'test' }

async function keyOf(freddy: Freddy, owner: Person, tokens: number) {
  const made = await makeApiKey(
    { app: freddy.running.app, now: freddy.now(), origin },
    {
      userId: owner.id,
      name: 'the robot',
      scopes: ['responses', 'usage:read'],
      expiresAt: null,
      limits: { ...unlimited, tokens_per_day: tokens },
    },
  )
  assert.ok(made)
  const headers = { 'api-key': made.key }
  const call = () => freddy.ask('POST /v1/responses', { headers, body: question })
  return { id: made.row.id, headers, call }
}

const begin = (freddy: Freddy, token: string, body: object) =>
  freddy.ask('POST /v1/usage/raise', { token, body })

const grant = (freddy: Freddy, token: string, email_key: string, verification_code: number) =>
  freddy.ask('POST /v1/usage/raise/verify', { token, body: { email_key, verification_code } })

scene(
  'at a cap the agent gets a link, and its owner raises the cap for a day by a mailed code',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const { token } = await freddy.signIn(ada)
    const key = await keyOf(freddy, ada, 4)
    assert.equal((await key.call()).status, 200)
    const refused = await key.call()
    assert.equal(refused.status, 402)
    const link = new URL(refused.body.error.details.approval_url)
    assert.equal(link.origin, 'https://auth.example.com')
    assert.equal(link.searchParams.get('raise'), key.id)
    const limit = link.searchParams.get('limit')

    const begun = await begin(freddy, token, { key: key.id, limit })
    assert.equal(begun.status, 200, begun.text)
    assert.deepEqual(
      [begun.body.amount, begun.body.unit, begun.body.type],
      [4, 'tokens', 'budget_raise'],
    )
    freddy.pass(1000)
    assert.equal((await key.call()).status, 402, 'nothing is raised by asking')
    const code = await freddy.codeFor(ada.email)
    assert.equal(code.length, 6)
    const words = (freddy.mail.mails.at(-1)?.raw ?? '').replace(/=\r\n/g, '')
    assert.match(words, /let the API key "the robot" spend 4 more tokens a day, for 24 hours/)
    assert.match(words, /somebody is signed in as you/)
    const granted = await grant(freddy, token, begun.body.email_key, Number(code))
    assert.equal(granted.status, 200, granted.text)
    assert.equal(granted.body.expires_at, '2026-11-24T12:00:01.000Z')
    assert.equal((await key.call()).status, 200)
    const over = await key.call()
    assert.deepEqual([over.status, over.body.error.details.most], [402, 8])
    const shown = await freddy.ask('GET /v1/usage', { headers: key.headers })
    assert.deepEqual([shown.body.limits[0].used, shown.body.limits[0].most], [8, 8])

    freddy.pass(DAY)
    assert.equal((await key.call()).status, 200)
    assert.deepEqual((await key.call()).body.error.details.most, 4, 'after a day it is as before')
    const events = await freddy.database.read<{ event: string; reason: string }>(
      "SELECT event, reason FROM audit_events WHERE event LIKE 'raise.%' ORDER BY happened_at, event",
    )
    assert.deepEqual(
      events.map(({ event, reason }) => `${event} ${reason}`),
      ['raise.asked tokens_per_day 4', 'raise.granted tokens_per_day 4'],
    )
  },
)

scene(
  'a link raises nothing, nor does a key, nor somebody else, nor a wrong code',
  async (freddy) => {
    const [ada, eve] = [await freddy.person('ada'), await freddy.person('eve')]
    const { token } = await freddy.signIn(ada)
    const other = await freddy.signIn(eve)
    const key = await keyOf(freddy, ada, 4)
    await key.call()
    const body = { key: key.id, limit: 'tokens_per_day' }
    const byKey = await freddy.ask('POST /v1/usage/raise', { headers: key.headers, body })
    assert.equal(byKey.status, 403)
    assert.equal(
      (await begin(freddy, other.token, body)).status,
      404,
      "somebody else's key is not there",
    )

    const begun = await begin(freddy, token, body)
    const code = Number(await freddy.codeFor(ada.email))
    const { email_key } = begun.body
    const verification = { email_key, verification_code: code }
    const keys = await freddy.ask('POST /v1/usage/raise/verify', {
      headers: key.headers,
      body: verification,
    })
    assert.equal(keys.status, 403, 'a key never approves its own raise')
    const open = await freddy.ask('POST /v1/usage/raise/verify', { body: verification })
    assert.equal(open.status, 401)
    for (let guess = 0; guess < 6; guess++) {
      assert.equal((await grant(freddy, other.token, email_key, code)).status, 401)
    }
    assert.equal((await freddy.verify(email_key, code)).status, 401, 'it signs nobody in')
    assert.equal((await grant(freddy, token, email_key, wrongCode(String(code)))).status, 401)
    assert.equal((await key.call()).status, 402)
    assert.equal((await grant(freddy, token, email_key, code)).status, 200)
    assert.equal((await grant(freddy, token, email_key, code)).status, 401, 'a code works once')
    assert.equal((await key.call()).status, 200)
  },
)

scene('a raise is bounded by the limit itself, however often it is asked for', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const key = await keyOf(freddy, ada, 100)
  const about = { key: key.id, limit: 'tokens_per_day' }
  for (const wrong of [
    { amount: 101 },
    { amount: 0 },
    { amount: 1.5 },
    { limit: 'money_per_day' },
    { limit: 'calls' },
  ]) {
    const answer = await begin(freddy, token, { ...about, ...wrong })
    assert.equal(answer.status, 422, JSON.stringify(wrong))
  }
  const raise = async (amount: number) => {
    const begun = await begin(freddy, token, { ...about, amount })
    const code = Number(await freddy.codeFor(ada.email))
    freddy.pass(10 * MINUTE)
    return { email_key: String(begun.body.email_key), code }
  }
  const first = await raise(60)
  assert.equal((await grant(freddy, token, first.email_key, first.code)).status, 200)
  const second = await raise(41)
  const refused = await grant(freddy, token, second.email_key, second.code)
  assert.deepEqual([refused.status, refused.body.error.code], [403, 'OPERATION_NOT_ALLOWED'])
  const third = await raise(40)
  const both = await Promise.all(
    [0, 1].map(() => grant(freddy, token, third.email_key, third.code)),
  )
  assert.deepEqual(both.map(({ status }) => status).sort(), [200, 401])
  const { body } = await freddy.ask('GET /v1/usage', { headers: key.headers })
  assert.equal(body.limits[0].most, 200)
})

scene(
  'codes and mails of raises have budgets of their own, and leave signing in alone',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const { token } = await freddy.signIn(ada)
    const key = await keyOf(freddy, ada, 100)
    const body = { key: key.id, limit: 'tokens_per_day' }
    const statuses: number[] = []
    let guesses = 0
    let last = ''
    for (let asked = 0; asked < 3; asked++) {
      const begun = await begin(freddy, token, body)
      last = begun.body.email_key
      const code = await freddy.codeFor(ada.email)
      for (let guess = 0; guess < 5; guess++) {
        const answer = await grant(freddy, token, last, wrongCode(code))
        if (answer.status === 401) guesses += 1
        else statuses.push(answer.status)
      }
    }
    assert.equal(guesses, 8)
    assert.deepEqual([...new Set(statuses)], [429])
    assert.equal((await begin(freddy, token, body)).status, 429)
    freddy.pass(MINUTE)
    const again = await freddy.ask('POST /v1/auth/resend-email', { body: { email_key: last } })
    assert.equal(again.status, 429, 'a resend is a mail too')
    await freddy.signIn(ada)
  },
)

/** A call that would rather wait than be refused. */
function waitingCall(freddy: Freddy, headers: Record<string, string>, prefer: string) {
  return freddy.ask('POST /v1/responses', { headers: { ...headers, prefer }, body: question })
}

scene('a call that waits goes on when its owner has allowed more', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const key = await keyOf(freddy, ada, 4)
  assert.equal(
    (await waitingCall(freddy, key.headers, 'wait=30')).headers['preference-applied'],
    undefined,
  )
  const waiting = waitingCall(freddy, key.headers, 'respond-async, wait=30')
  const begun = await begin(freddy, token, { key: key.id, limit: 'tokens_per_day' })
  const code = Number(await freddy.codeFor(ada.email))
  assert.equal((await grant(freddy, token, begun.body.email_key, code)).status, 200)
  const answer = await waiting
  assert.equal(answer.status, 200, answer.text)
  assert.equal(answer.headers['preference-applied'], 'wait=30')

  const short = await waitingCall(freddy, key.headers, 'wait=1')
  assert.deepEqual([short.status, short.body.error.details.used], [402, 8])
  const { app } = freddy.running
  await app.usage.flush()
  const refused = await freddy.database.read(
    `SELECT id FROM usage_entries WHERE outcome = 'refused'`,
  )
  assert.equal(refused.length, 1, 'a call that went on was never refused')
})

scene('who waits is let go with their key, and few may wait at once', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const key = await keyOf(freddy, ada, 4)
  await key.call()
  const waiting = Array.from({ length: 6 }, () => waitingCall(freddy, key.headers, 'wait=10'))
  assert.equal((await Promise.race(waiting)).status, 402, 'a sixth of one person does not wait')
  await freddy.ask(`DELETE /v1/api-keys/${key.id}`, { token })
  const answers = await Promise.all(waiting)
  assert.deepEqual(answers.map(({ status }) => status).sort(), [401, 401, 401, 401, 401, 402])

  const other = await keyOf(freddy, ada, 4)
  await other.call()
  const last = waitingCall(freddy, other.headers, 'wait=10')
  freddy.running.app.raiseWaits.stop()
  assert.equal((await last).status, 402, 'a server that stops lets everybody go')
})

scene('what its owner changes about a key holds for the calls that wait', async (freddy) => {
  const ada = await keyOwner(freddy)
  const waitingKey = async () => {
    const { id, key } = (await ada.make({ limits: { tokens_per_day: 4 } })).body
    const headers = { 'api-key': key }
    const ask = (prefer: string) => waitingCall(freddy, headers, prefer)
    assert.equal((await ask('wait=10')).status, 200)
    return { id, answer: ask('wait=10') }
  }
  const waiting = await Promise.all(Array.from({ length: 5 }, waitingKey))
  const [more, bound, held, replaced, twice] = waiting
  assert.ok(more && bound && held && replaced && twice)
  const limits = { tokens_per_day: 100 }
  await ada.change(more.id, { limits })
  await ada.change(bound.id, { limits, models: ['another'] })
  await ada.change(held.id, { limits, networks: ['203.0.113.0/24'] })
  for (const { id } of [replaced, twice, twice]) await ada.act(id, 'rotate', { overlap_days: 0 })
  const answers = await Promise.all(waiting.map(({ answer }) => answer))
  assert.deepEqual(
    answers.map(({ status, body }) => [status, body.error?.code, body.error?.details?.reason]),
    [
      [200, undefined, undefined],
      [403, 'INSUFFICIENT_PERMISSIONS', 'model'],
      [403, 'INSUFFICIENT_PERMISSIONS', 'network'],
      [401, 'API_KEY_EXPIRED', 'key_rotated'],
      [401, 'INVALID_API_KEY', undefined],
    ],
  )
})

scene(
  'nobody waits for what only the operator can raise',
  async (freddy) => {
    const key = await keyOf(freddy, await freddy.person('ada'), 100)
    assert.equal((await key.call()).status, 200)
    const answer = await waitingCall(freddy, key.headers, 'wait=10')
    assert.deepEqual([answer.status, answer.body.error.details.level], [402, 'person'])
    assert.equal(answer.headers['preference-applied'], undefined)
  },
  { env: { USER_BUDGET: 'tokens_per_day=4' } },
)
