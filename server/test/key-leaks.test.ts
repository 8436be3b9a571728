import assert from 'node:assert/strict'
import { newApiKey } from '../src/auth/api-key.ts'
import { DAY, type Freddy, HOUR, MINUTE, scene } from './freddy.ts'
import { type KeyOwner, keyOwner, useKey } from './key-owner.ts'
import { json, response, startModelServer } from './model-server.ts'
import type { SunkMail } from './smtp-sink.ts'

const report = (freddy: Freddy, body: object, from?: string) =>
  freddy.ask('POST /v1/api-keys/revoke', { body, ...(from ? { from } : {}) })

/** The letters to an owner about keys that leaked. */
async function lettersTo(freddy: Freddy, ada: KeyOwner) {
  await freddy.running.outbox.drain()
  const { email } = ada.person
  const mine = freddy.mail.mails.filter(({ envelope }) => envelope.to.includes(email))
  return mine.filter(({ subject }) => subject.includes('leaked API key')).map(wordsOf)
}

/** What a mail says, in both of its forms. */
function wordsOf({ raw }: SunkMail): string {
  const bytes = raw
    .replace(/=\r?\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(bytes, 'latin1').toString('utf8').replaceAll('\r\n', '\n')
}

async function events({ database }: Freddy) {
  const rows = await database.read(
    `SELECT user_id, subject_id, outcome FROM audit_events WHERE event = 'key.leaked'`,
  )
  return rows.map((row) => ({ ...row }))
}

scene('whoever holds a key ends it, and its owner reads what it did since', async (freddy) => {
  const ada = await keyOwner(freddy)
  const made = (await ada.make({ name: 'nightly' })).body
  const headers = { 'api-key': made.key, 'user-agent': 'cron-job/1' }
  const call = (model: string) =>
    freddy.ask('POST /v1/responses', { headers, from: '203.0.113.7', body: { model, input: 'hi' } })
  await call('echo-1')
  freddy.pass(2 * HOUR)
  const foundAt = new Date(freddy.now() - HOUR).toISOString()
  await call('echo-1')
  await call('echo-1')

  const url = 'https://code.example.com/readme.md'
  const answer = await report(freddy, { key: made.key, url, found_at: foundAt })
  assert.deepEqual([answer.status, answer.body], [200, { revoked: true }])
  assert.equal((await useKey(freddy, made.key)).body.error.code, 'INVALID_API_KEY')
  assert.equal((await ada.show(made.id)).status, 'revoked')

  const [letter, ...more] = await lettersTo(freddy, ada)
  assert.equal(more.length, 0)
  const text = letter ?? assert.fail('no letter')
  assert.match(text, /your API key nightly \(ak_\w{4}…\w{4}\)/)
  assert.match(text, /Found at: https\[:\]\/\/code\[\.\]example\[\.\]com\/readme\[\.\]md/)
  assert.match(text, /Calls since 2026-11-23 13:00 UTC: 2, to echo-1 \(2\);/)
  assert.match(text, /Last use: 2026-11-23 14:00 UTC, from 203\.0\.113\.7 with cron-job/)
  assert.equal(text.includes(made.key), false)
  assert.deepEqual(await events(freddy), [
    { user_id: ada.id, subject_id: made.id, outcome: 'allowed' },
  ])

  await report(freddy, { key: made.key, url })
  assert.equal((await lettersTo(freddy, ada)).length, 1)
})

scene('attack 098: a report tells nothing of whose key it was, or of none', async (freddy) => {
  const ada = await keyOwner(freddy)
  const made = (await ada.make()).body
  const ask = (key: string) => report(freddy, { key })
  const answers = [await ask(newApiKey()), await ask('nonsense'), await ask(made.key)]
  answers.push(await ask(made.key))
  for (const { status, body } of answers) {
    assert.deepEqual([status, body], [200, { revoked: true }])
  }
  const names = answers.map(({ headers }) => Object.keys(headers).toSorted().join())
  assert.equal(new Set(names).size, 1)
  assert.equal((await events(freddy)).length, 1)
})

scene('a scanner reports a hundred keys at once, and no more', async (freddy) => {
  const [ada, bob] = [await keyOwner(freddy), await keyOwner(freddy, 'bob')]
  const [one, two] = [(await ada.make()).body, (await bob.make()).body]
  const strangers = Array.from({ length: 98 }, () => ({ key: newApiKey(), url: 'gist' }))
  const keys = [{ key: one.key }, ...strangers, { key: two.key, url: 'paste' }]
  assert.equal((await report(freddy, { keys: [...keys, { key: 'x' }] })).status, 422)
  assert.equal((await report(freddy, { keys, key: one.key })).status, 422)
  assert.equal((await report(freddy, {})).status, 422)
  assert.equal((await useKey(freddy, one.key)).status, 200)
  assert.equal((await report(freddy, { keys })).status, 200)
  for (const [owner, { key }] of [[ada, one] as const, [bob, two] as const]) {
    assert.equal((await useKey(freddy, key)).status, 401)
    assert.equal((await lettersTo(freddy, owner)).length, 1)
  }
})

scene('one report of many at once ends a key, and one letter goes out', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { key } = (await ada.make()).body
  await Promise.all(Array.from({ length: 10 }, () => report(freddy, { key })))
  assert.equal((await lettersTo(freddy, ada)).length, 1)
  assert.equal((await events(freddy)).length, 1)
})

scene('attack 098: a secret ends its key while it opens, and no longer', async (freddy) => {
  const ada = await keyOwner(freddy)
  const made = (await ada.make()).body
  const next = (await ada.act(made.id, 'rotate', { overlap_days: 1 })).body.key
  freddy.pass(DAY)
  await report(freddy, { key: made.key })
  assert.equal((await useKey(freddy, next)).status, 200)

  const third = (await ada.act(made.id, 'rotate', { overlap_days: 1 })).body.key
  await ada.act(made.id, 'pause')
  await report(freddy, { key: next })
  assert.equal((await useKey(freddy, third)).body.error.code, 'INVALID_API_KEY')
  assert.equal((await ada.show(made.id)).status, 'revoked')
})

scene('attack 114: an address that a stranger names is no link, and no markup', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { key } = (await ada.make()).body
  const url = `https://evil.example\r\nSubject: x\u202e<b>${'y'.repeat(1000)}`
  await report(freddy, { key, url, found_at: '1970-01-01T00:00:00Z' })
  const [letter] = await lettersTo(freddy, ada)
  const text = letter ?? assert.fail('no letter')
  assert.match(text, /https\[:\]\/\/evil\[\.\]exampleSubject: x<b>y{100,200}…\n/)
  assert.match(text, /exampleSubject: x&lt;b&gt;y/)
  assert.match(text, /Calls since 2026-08-25 12:00 UTC: none to a model/)
})

scene(
  'attack 056: the thief of a key writes nothing into the letter about it',
  async (freddy) => {
    const model = await startModelServer()
    const upstream = { name: 'standard', url: model.url, apiKey: 'sk-ours' }
    Object.assign(freddy.running.app.models, { standard: upstream, upstreams: [upstream] })
    model.behave((answer) => json(answer, response('Hi')))
    const ada = await keyOwner(freddy)
    const { key } = (await ada.make()).body
    for (const name of ['gpt-4.1-mini', 'Sign in at evil.example/login', '\u202egnp.elif']) {
      const body = { model: name, input: 'hi' }
      const answer = await freddy.ask('POST /v1/responses', { headers: { 'api-key': key }, body })
      assert.equal(answer.status, 200, answer.text)
    }
    await report(freddy, { key })
    await model.close()
    const [text = ''] = await lettersTo(freddy, ada)
    for (const said of [
      'gpt-4.1-mini (1)',
      'Sign-in-at-evil[.]example/login (1)',
      '-gnp[.]elif (1)',
    ]) {
      assert.ok(text.includes(said), `${said}: ${text}`)
    }
  },
  { env: { UPSTREAM_ALLOW: '127.0.0.0/8' } },
)

scene(
  'reports of a source are limited, whatever they hold',
  async (freddy) => {
    const from = '203.0.113.9'
    assert.equal((await report(freddy, { key: newApiKey() }, from)).status, 200)
    assert.equal((await report(freddy, { key: newApiKey() }, from)).status, 200)
    assert.equal((await report(freddy, { key: newApiKey() }, from)).status, 429)
    freddy.pass(MINUTE)
    assert.equal((await report(freddy, { key: newApiKey() }, from)).status, 200)
  },
  { env: { LIMITS: 'revoke-source=2/60' } },
)
