import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hashSync } from '@node-rs/argon2'
import { deriveCode } from '../src/auth/code.ts'
import { parseEmailAddress } from '../src/auth/email-address.ts'
import { createKeyring } from '../src/auth/keyring.ts'
import { createHasher } from '../src/workers/hasher.ts'
import {
  DAY,
  type Freddy,
  MINUTE,
  PASSWORD,
  type Person,
  SECRET,
  scene,
  wrongCode,
} from './freddy.ts'

const WRONG = 'this is not the password'

const fromDevice = (freddy: Freddy, who: Person, device_token: string) =>
  freddy.ask('POST /v1/auth/login', {
    body: { email_or_username: who.email, password: who.password, device_token },
  })

/** Spends what one source may guess; a known device has its own. */
async function spendSource(freddy: Freddy, who: Person): Promise<void> {
  for (let guess = 0; guess < 5; guess++) await freddy.login({ as: who.email, password: WRONG })
  assert.equal((await freddy.login(who)).status, 429)
}

const register = (freddy: Freddy, body: object) =>
  freddy.ask('POST /v1/auth/register', {
    body: { email: 'new@example.com', password: PASSWORD, ...body },
  })

scene('attack 028: a known device stands five wrong codes a day', async (freddy) => {
  const ada = await freddy.person('ada')
  const { device_token } = await freddy.signIn(ada)
  const statuses = []
  for (let key = 0; key < 2; key++) {
    const { body } = await fromDevice(freddy, ada, device_token)
    const code = await freddy.codeFor(ada.email)
    for (let guess = 0; guess < 3; guess++) {
      statuses.push((await freddy.verify(body.email_key, wrongCode(code))).status)
    }
  }
  assert.deepEqual(statuses, [401, 401, 401, 401, 401, 429])
  assert.equal((await fromDevice(freddy, ada, device_token)).status, 429)
})

test('attack 054: an address has one sign and one recipient', () => {
  assert.equal(parseEmailAddress('v@ex.com')?.address, 'v@ex.com')
  for (const text of ['v@ex.com@evil.com', 'v@ex.com@', 'v@@ex.com']) {
    assert.equal(parseEmailAddress(text), null, text)
  }
})

test('attack 044: a code of one purpose is another for any other purpose', () => {
  const keys = createKeyring([SECRET]).current
  let same = 0
  for (let id = 0; id < 1000; id++) {
    const about = { id: `challenge ${id}`, generation: 1, digits: 8 }
    const login = deriveCode(keys, { ...about, purpose: 'login' })
    if (login === deriveCode(keys, { ...about, purpose: 'registration' })) same += 1
  }
  assert.equal(same, 0)
})

scene(
  'attack 013: a /48 that guessed two hundred times is slowed in each of its parts',
  async (freddy) => {
    const guess = (from: string) => freddy.login({ as: 'nobody', password: WRONG }, { from })
    assert.equal((await guess('2001:db8:1:1::1')).status, 401)
    const log = String(freddy.now()).repeat(200)
    const rows = await freddy.database.write(
      "UPDATE budgets SET log = :log WHERE name = 'login-network' RETURNING key",
      { log },
    )
    assert.equal(rows.length, 1)
    assert.equal((await guess('2001:db8:1:2::1')).status, 429)
    assert.equal((await guess('2001:db8:2:1::1')).status, 401)
  },
)

scene('attack 007: a device id alone is no known device', async (freddy) => {
  const ada = await freddy.person('ada')
  const { device_token } = await freddy.signIn(ada)
  await spendSource(freddy, ada)
  const [id] = String(device_token).split('.')
  for (const token of [`${id}.${'A'.repeat(43)}`, `${id}.`, `${id}`]) {
    assert.equal((await fromDevice(freddy, ada, token)).status, 429, token)
  }
  assert.equal((await fromDevice(freddy, ada, device_token)).status, 200)
})

scene(
  'attack 007: a device that was ended, or rested half a year, is a stranger',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const { device_token } = await freddy.signIn(ada)
    await freddy.database.write('UPDATE devices SET ended_at = 1')
    await spendSource(freddy, ada)
    assert.equal((await fromDevice(freddy, ada, device_token)).status, 429)
    await freddy.database.write('UPDATE devices SET ended_at = NULL')
    freddy.pass(180 * DAY - 1)
    await spendSource(freddy, ada)
    assert.equal((await fromDevice(freddy, ada, device_token)).status, 200)
    freddy.pass(1)
    assert.equal((await fromDevice(freddy, ada, device_token)).status, 429)
  },
)

scene(
  'attack 018: who is nobody waits for a hash like everybody',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const { hasher } = freddy.running.app
    await hasher.close()
    // Taken by a thread that is gone: nobody behind it is ever served.
    hasher.hash('x').catch(() => {})
    const answers = await Promise.all([
      freddy.login({ as: ada.email, password: WRONG }),
      freddy.login({ as: 'nobody@example.com', password: WRONG }),
    ])
    assert.deepEqual(
      answers.map(({ status }) => status),
      [503, 503],
    )
    // What was not decided is no wrong password.
    assert.deepEqual(await freddy.database.read("SELECT key FROM budgets WHERE log <> ''"), [])
  },
  { ownHasher: {} },
)

scene(
  'who finds the queue of hashes full is told to come again, before anything is read or counted',
  async (freddy) => {
    const ada = await freddy.person('ada')
    for (const as of [ada.email, 'nobody@example.com']) {
      const { status, headers, body } = await freddy.login({ as, password: PASSWORD })
      assert.deepEqual([status, body.error.code], [503, 'SERVICE_UNAVAILABLE'])
      assert.equal(headers['retry-after'], '1')
    }
    for (const table of ['budgets', 'audit_events', 'challenges']) {
      assert.deepEqual(await freddy.database.read(`SELECT * FROM ${table}`), [], table)
    }
  },
  { ownHasher: { queue: 0 } },
)

scene('attack 017: no password opens an account that has none', async (freddy) => {
  const ada = await freddy.person('ada')
  await freddy.database.write('UPDATE users SET password_hash = NULL')
  for (const password of ['nobody has this password', 'null', PASSWORD]) {
    assert.equal((await freddy.login({ as: ada.email, password })).status, 401, password)
  }
})

scene(
  'attack 048: a stolen table of passwords is worth nothing without the secret',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const { store, hasher } = freddy.running.app
    const stored = (await store.users.find(ada.id))?.password_hash ?? ''
    const bare = stored.slice(stored.indexOf('$') + 1)
    assert.match(bare, /^\$argon2id\$/)
    assert.equal(await hasher.verify(bare, PASSWORD), false)
  },
)

scene('attack 069: a password holds no NUL and no half of a character', async (freddy) => {
  for (const password of ['a quiet\0 afternoon', 'a quiet \ud800 afternoon']) {
    const answer = await register(freddy, { password })
    assert.equal(answer.status, 422)
    assert.equal(answer.body.error.code, 'WEAK_PASSWORD')
  }
})

scene('attack 071: two characters over and over are no password', async (freddy) => {
  assert.equal((await register(freddy, { password: 'qjqjqjqjqjqj' })).status, 422)
})

scene(
  'attack 071: the strict profile asks for fifteen characters',
  async (freddy) => {
    assert.equal((await register(freddy, { password: 'quiet eveningS' })).status, 422)
    assert.equal((await register(freddy, { password: 'quiet evenings!' })).status, 201)
  },
  { env: { PROFILE: 'strict' } },
)

test('attack 072: a hash that costs too much is refused though its password is right', async () => {
  const hasher = createHasher({ threads: 1 })
  const cheap = { memoryCost: 1024, timeCost: 1, parallelism: 1 }
  const right = 'a password'
  assert.equal(await hasher.verify(hashSync(right, cheap), right), true)
  for (const cost of [
    { memoryCost: 262_152 },
    { timeCost: 21 },
    { parallelism: 17 },
    { algorithm: 0 },
    { algorithm: 1 },
  ]) {
    const stored = hashSync(right, { ...cheap, ...cost })
    assert.equal(await hasher.verify(stored, right), false, stored)
  }
  await hasher.close()
})

scene('attack 065: the user name of an account is taken', async (freddy) => {
  await freddy.person('ada')
  const answer = await register(freddy, { user_name: 'ada' })
  assert.equal(answer.status, 409)
  assert.equal(answer.body.error.code, 'USERNAME_TAKEN')
})

scene('attack 020: a resend mails no code to an address that has an account', async (freddy) => {
  const ada = await freddy.person('ada')
  const { body } = await register(freddy, { email: ada.email })
  freddy.pass(2 * MINUTE)
  const again = await freddy.ask('POST /v1/auth/resend-email', {
    body: { email_key: body.email_key },
  })
  assert.equal(again.status, 200)
  await freddy.running.outbox.drain()
  assert.equal(freddy.mail.codeFor(ada.email), undefined)
})
