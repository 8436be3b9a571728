import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import { DAY, type Freddy, HOUR, MINUTE, type Person, scene, wrongCode } from './freddy.ts'
import { linkFor, press } from './mailed-links.ts'

const NEW = 'a quite different sentence'

const forget = (freddy: Freddy, email: string, from?: string) =>
  freddy.ask('POST /v1/auth/password/reset', { body: { email }, ...(from ? { from } : {}) })

const reset = (freddy: Freddy, email_key: string, code: unknown, new_password = NEW) =>
  freddy.ask('POST /v1/auth/password/reset/verify', {
    body: { email_key, verification_code: code, new_password },
  })

const isIn = async (freddy: Freddy, token: string) =>
  (await freddy.ask('GET /v1/auth/validate', { token })).status === 200

const subjects = (freddy: Freddy, { email }: Person) =>
  freddy.mail.mails
    .filter(({ envelope }) => envelope.to.includes(email))
    .map(({ subject }) => subject)

scene('a forgotten password is replaced by the mailed code', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token, refreshToken } = await freddy.signIn(ada)
  const made = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'k' } })
  const live = (await freddy.login(ada)).body.email_key
  const liveCode = await freddy.codeFor(ada.email)

  const { body } = await forget(freddy, ada.email)
  const code = await freddy.codeFor(ada.email)
  assert.match(code, /^[1-9]\d{7}$/)
  assert.equal((await reset(freddy, body.email_key, Number(code))).status, 200)

  assert.equal(await isIn(freddy, token), false)
  const body2 = { refresh_token: refreshToken }
  assert.equal((await freddy.ask('POST /v1/auth/refresh', { body: body2 })).status, 401)
  const headers = { 'api-key': made.body.key }
  assert.equal((await freddy.ask('GET /v1/models', { headers })).status, 401)
  assert.equal((await freddy.verify(live, Number(liveCode))).status, 401)
  assert.equal((await freddy.login(ada)).status, 401)
  assert.equal((await freddy.login({ ...ada, password: NEW })).status, 200)
  assert.equal((await reset(freddy, body.email_key, Number(code))).status, 401)
  await freddy.running.outbox.drain()
  assert.ok(subjects(freddy, ada).includes('Your Freddy password was reset'))
})

scene('attack 021: known, unknown and disabled addresses are answered alike', async (freddy) => {
  await freddy.person('ada')
  const off = await freddy.person('off')
  await freddy.database.write('UPDATE users SET disabled_at = 1 WHERE id = :id', { id: off.id })
  const answers = []
  for (const email of ['ada@example.com', off.email, 'nobody@example.com']) {
    const { status, body } = await forget(freddy, email)
    assert.equal(status, 200)
    answers.push({ ...body, email_key: '' })
    const wrong = await reset(freddy, body.email_key, 12_345_678)
    assert.equal(wrong.status, 401)
    assert.equal(wrong.body.error.code, 'INVALID_VERIFICATION_CODE')
  }
  assert.deepEqual(answers[0], answers[1])
  assert.deepEqual(answers[0], answers[2])
  await freddy.running.outbox.drain()
  assert.equal(freddy.mail.mails.length, 1)
})

scene('attack 021: a mail server that is down changes no answer', async (freddy) => {
  await freddy.person('ada')
  freddy.mail.behaviour.refuses = true
  const { status } = await forget(freddy, 'ada@example.com')
  await freddy.running.outbox.drain()
  assert.equal(status, 200)
  assert.equal((await forget(freddy, 'ada@example.com')).status, 200)
})

scene('attack 044: a key opens only what it was made for', async (freddy) => {
  const ada = await freddy.person('ada')
  const login = (await freddy.login(ada)).body.email_key
  const loginCode = await freddy.codeFor(ada.email)
  const recovery = (await forget(freddy, ada.email)).body.email_key
  const resetCode = await freddy.codeFor(ada.email)
  assert.equal((await freddy.verify(recovery, Number(resetCode))).status, 401)
  assert.equal((await reset(freddy, login, Number(loginCode))).status, 401)
  assert.equal((await reset(freddy, recovery, Number(resetCode))).status, 200)
})

scene('attack 052: guesses at reset codes end, and the link still works', async (freddy) => {
  const ada = await freddy.person('ada')
  const keyless = { email: ada.email, verification_code: 12_345_678, new_password: NEW }
  const refused = await freddy.ask('POST /v1/auth/password/reset/verify', { body: keyless })
  assert.equal(refused.status, 422)
  let compared = 0
  for (let round = 0; round < 4; round++) {
    const { body } = await forget(freddy, ada.email)
    for (let guess = 0; guess < 5; guess++) {
      if ((await reset(freddy, body.email_key, 10_000_000 + guess)).status === 401) compared += 1
    }
    freddy.pass(2 * MINUTE)
  }
  assert.equal(compared, 8)
  assert.equal((await freddy.login(ada)).status, 200)

  freddy.pass(HOUR)
  const { body } = await forget(freddy, ada.email)
  const code = await freddy.codeFor(ada.email)
  assert.equal((await reset(freddy, body.email_key, Number(code))).status, 429)
  const path = await linkFor(freddy, ada.email, 'reset')
  assert.equal((await press(freddy, path, `new_password=${NEW}`)).statusCode, 200)
  assert.equal((await freddy.login({ ...ada, password: NEW })).status, 200)
})

scene('attack 052: one code gives one password, however many ask at once', async (freddy) => {
  const ada = await freddy.person('ada')
  const { body } = await forget(freddy, ada.email)
  const code = Number(await freddy.codeFor(ada.email))
  const path = await linkFor(freddy, ada.email, 'reset')
  const asked = await Promise.all([
    ...Array.from({ length: 4 }, (_, index) =>
      reset(freddy, body.email_key, code, `${NEW} ${index}`),
    ),
    ...Array.from({ length: 4 }, () => press(freddy, path, `new_password=${NEW}`)),
  ])
  const won = asked.filter(
    (answer) => ('status' in answer ? answer.status : answer.statusCode) === 200,
  )
  assert.equal(won.length, 1)
})

scene(
  'attack 057, 058: a link uses our address, and opening it uses nothing up',
  async (freddy) => {
    const ada = await freddy.person('ada')
    await freddy.ask('POST /v1/auth/password/reset', {
      body: { email: ada.email },
      headers: { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' },
    })
    const path = await linkFor(freddy, ada.email, 'reset')
    for (let look = 0; look < 5; look++) {
      const seen = await freddy.ask(`GET ${path}`, { headers: { 'user-agent': 'BingPreview/1.0' } })
      assert.equal(seen.status, 200)
      assert.match(seen.text, /<form method="post">/)
      assert.equal((await freddy.ask(`HEAD ${path}`)).status, 200)
    }
    const german = await freddy.ask(`GET ${path}`, { headers: { 'accept-language': 'de-AT' } })
    assert.match(german.text, /<html lang="de">[\s\S]*<h1>Neues Passwort wählen/)
    const evil = await press(freddy, path, `new_password=${NEW}`, 'https://evil.example')
    assert.equal(evil.statusCode, 403)
    assert.equal((await press(freddy, path, 'new_password=password1')).statusCode, 422)
    assert.equal((await press(freddy, path, `new_password=${NEW}`)).statusCode, 200)
    assert.equal((await press(freddy, path, `new_password=${NEW}`)).statusCode, 410)
    assert.equal((await freddy.ask(`GET ${path}`)).status, 410)
    const [secret = ''] = path.split('/').slice(-1)
    assert.equal(
      freddy.log.some((line) => line.includes(secret)),
      false,
    )
    const rows = JSON.stringify(await freddy.database.read('SELECT * FROM mail_links'))
    assert.equal(rows.includes(secret), false)
  },
)

scene('a reset link is over after an hour, its code after a quarter', async (freddy) => {
  const ada = await freddy.person('ada')
  const { body } = await forget(freddy, ada.email)
  const code = Number(await freddy.codeFor(ada.email))
  const path = await linkFor(freddy, ada.email, 'reset')
  freddy.pass(15 * MINUTE)
  assert.equal((await reset(freddy, body.email_key, code)).status, 401)
  freddy.pass(45 * MINUTE)
  assert.equal((await press(freddy, path, `new_password=${NEW}`)).statusCode, 410)
})

scene('attack 033: twenty wrong codes in a month stop every code until a reset', async (freddy) => {
  const ada = await freddy.person('ada')
  for (const most of [8, 8, 4]) {
    let left = most
    while (left > 0) {
      const { body } = await freddy.login(ada)
      const code = await freddy.codeFor(ada.email)
      for (let guess = 0; guess < Math.min(left, 4); guess++) {
        assert.equal((await freddy.verify(body.email_key, wrongCode(code))).status, 401)
      }
      left -= Math.min(left, 4)
      freddy.pass(11 * MINUTE)
    }
    freddy.pass(DAY)
  }
  assert.equal((await freddy.login(ada)).status, 429)
  const { body } = await forget(freddy, ada.email)
  assert.equal(
    (await reset(freddy, body.email_key, Number(await freddy.codeFor(ada.email)))).status,
    200,
  )
  await freddy.signIn({ ...ada, password: NEW })
})

scene('attack 085: a changed password ends all sessions but this one', async (freddy) => {
  const ada = await freddy.person('ada')
  const here = await freddy.signIn(ada)
  const there = await freddy.signIn(ada)
  const made = await freddy.ask('POST /v1/api-keys', { token: here.token, body: { name: 'k' } })
  const live = (await freddy.login(ada)).body.email_key
  const code = await freddy.codeFor(ada.email)
  const change = (current_password: string, new_password: string) =>
    freddy.ask('PUT /v1/auth/password/update', {
      token: here.token,
      body: { current_password, new_password, confirm_password: new_password },
    })
  assert.equal((await change(ada.password, 'freddy')).body.error.code, 'WEAK_PASSWORD')
  assert.equal((await change('wrong', NEW)).body.error.code, 'INVALID_CREDENTIALS')
  assert.equal((await change(ada.password, NEW)).status, 200)

  assert.equal(await isIn(freddy, here.token), true)
  const refused = await freddy.ask('GET /v1/auth/validate', { token: there.token })
  assert.equal(refused.body.error.details.reason, 'password_changed')
  assert.equal((await freddy.verify(live, Number(code))).status, 401)
  const headers = { 'api-key': made.body.key }
  assert.equal((await freddy.ask('GET /v1/models', { headers })).status, 200)
  assert.equal((await freddy.login(ada)).status, 401)
  assert.equal((await freddy.login({ ...ada, password: NEW })).status, 200)
})

scene('attack 006: a wrong current password spends what a login would', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const body = { current_password: 'wrong', new_password: NEW, confirm_password: NEW }
  for (let count = 0; count < 5; count++) {
    assert.equal((await freddy.ask('PUT /v1/auth/password/update', { token, body })).status, 401)
  }
  assert.equal((await freddy.ask('PUT /v1/auth/password/update', { token, body })).status, 429)
  assert.equal((await freddy.login(ada)).status, 429)
})

scene(
  'attack 046: "not me" in a code mail ends everything and asks for a new password',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const { token } = await freddy.signIn(ada)
    const stolen = (await freddy.login(ada)).body.email_key
    const code = await freddy.codeFor(ada.email)
    const path = await linkFor(freddy, ada.email, 'not-me')
    assert.equal((await freddy.ask(`GET ${path}`)).status, 200)
    assert.equal(await isIn(freddy, token), true)

    const presses = await Promise.all(Array.from({ length: 5 }, () => press(freddy, path)))
    assert.equal(presses.filter(({ statusCode }) => statusCode === 200).length, 1)
    assert.equal((await freddy.verify(stolen, Number(code))).status, 401)
    assert.equal(await isIn(freddy, token), false)
    const refused = await freddy.login(ada)
    assert.equal(refused.body.error.code, 'INVALID_CREDENTIALS')

    const way = await linkFor(freddy, ada.email, 'reset')
    assert.ok(subjects(freddy, ada).includes('Your Freddy account needs a new password'))
    assert.equal((await press(freddy, way, `new_password=${NEW}`)).statusCode, 200)
    await freddy.signIn({ ...ada, password: NEW })
  },
)

/** Once, between the moment at which a password was found right and what follows from it. */
function afterProof(freddy: Freddy, context: TestContext, act: () => Promise<void>): void {
  const { budgets } = freddy.running.app.store
  const giveBack = budgets.giveBack.bind(budgets)
  let due = true
  context.mock.method(budgets, 'giveBack', async (keys: readonly string[]) => {
    await giveBack(keys)
    if (!due) return
    due = false
    await act()
  })
}

scene(
  'attack 086: a password that was proven before its owner took the account back does nothing after that',
  async (freddy, context) => {
    const ways = { reset: `new_password=${NEW}`, 'not-me': '' }
    const deeds = ['DELETE /v1/user/me', 'PUT /v1/auth/password/update'] as const
    for (const [purpose, form] of Object.entries(ways)) {
      for (const [index, line] of deeds.entries()) {
        const who = await freddy.person(`${purpose}-${index}`)
        const { token } = await freddy.signIn(who)
        if (purpose === 'reset') await forget(freddy, who.email)
        const path = await linkFor(freddy, who.email, purpose)
        afterProof(freddy, context, async () => {
          assert.equal((await press(freddy, path, form)).statusCode, 200)
        })
        const change = { new_password: 'a sentence of the thief' }
        const answer = await freddy.ask(line, {
          token,
          body: {
            current_password: who.password,
            ...(index === 1 ? { ...change, confirm_password: change.new_password } : {}),
          },
        })
        context.mock.restoreAll()
        assert.equal(answer.body.error?.code, 'INVALID_CREDENTIALS', `${purpose}, ${line}`)
        const theirs = await freddy.login({ ...who, password: change.new_password })
        assert.equal(theirs.status, 401)
        const way = purpose === 'reset' ? null : await linkFor(freddy, who.email, 'reset')
        if (way) assert.equal((await press(freddy, way, `new_password=${NEW}`)).statusCode, 200)
        assert.equal((await freddy.login({ ...who, password: NEW })).status, 200)
        freddy.pass(5 * MINUTE)
      }
    }
  },
)

scene(
  'attack 046: "not me" mails a new password, whatever strangers asked for before',
  async (freddy) => {
    const ada = await freddy.person('ada')
    await freddy.login(ada)
    const path = await linkFor(freddy, ada.email, 'not-me')
    await forget(freddy, ada.email)
    await forget(freddy, ada.email)
    const before = await linkFor(freddy, ada.email, 'reset')
    assert.equal((await press(freddy, path)).statusCode, 200)
    const way = await linkFor(freddy, ada.email, 'reset')
    assert.notEqual(way, before)
    assert.equal((await press(freddy, way, `new_password=${NEW}`)).statusCode, 200)
    await freddy.signIn({ ...ada, password: NEW })
  },
)
