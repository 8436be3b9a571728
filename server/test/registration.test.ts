import assert from 'node:assert/strict'
import { type Freddy, HOUR, MINUTE, PASSWORD, scene, wrongCode } from './freddy.ts'

const register = (freddy: Freddy, body: object, from?: string) =>
  freddy.ask('POST /v1/auth/register', {
    body: { email: 'ada@example.com', password: PASSWORD, ...body },
    ...(from ? { from } : {}),
  })

scene(
  'attack 020: an address that has an account is answered like a new one, and its owner is told once',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const known = await register(freddy, {})
    const unknown = await register(freddy, { email: 'new@example.com' })
    assert.equal(known.status, 201)
    const bare = ({ status, body, headers }: typeof known) => ({
      status,
      body: { ...body, email: '', email_key: '' },
      headers: { ...headers, 'x-request-id': '', date: '', 'content-length': '' },
    })
    const blank = (answer: ReturnType<typeof bare>) => ({
      ...answer,
      headers: Object.fromEntries(
        Object.entries(answer.headers).filter(([name]) => !name.includes('ratelimit')),
      ),
    })
    assert.deepEqual(blank(bare(known)), blank(bare(unknown)))
    await freddy.running.outbox.drain()
    const toAda = freddy.mail.mails.filter(({ envelope }) =>
      JSON.stringify(envelope).includes(ada.email),
    )
    assert.equal(toAda.length, 1)
    assert.doesNotMatch(toAda[0]?.subject ?? '', /\d{4}/)
    assert.equal(freddy.mail.codeFor(ada.email), undefined)
    for (let count = 0; count < 3; count++) {
      freddy.pass(2 * HOUR)
      await register(freddy, {})
    }
    await freddy.running.outbox.drain()
    assert.equal(
      freddy.mail.mails.filter(({ envelope }) => JSON.stringify(envelope).includes(ada.email))
        .length,
      1,
    )
    assert.equal((await freddy.login(ada)).status, 200)
  },
)

scene(
  'attack 051: who registers an address later takes the place of who was first',
  async (freddy) => {
    const eve = await register(freddy, { password: 'the password of eve', user_name: 'evil' })
    const evesCode = await freddy.codeFor('ada@example.com')
    freddy.pass(2 * MINUTE)
    const ada = await register(freddy, { password: PASSWORD, user_name: 'ada' })
    const code = await freddy.codeFor('ada@example.com')
    assert.notEqual(code, evesCode)
    assert.equal((await freddy.verify(eve.body.email_key, Number(evesCode))).status, 401)
    const { body } = await freddy.verify(ada.body.email_key, Number(code))
    const me = await freddy.ask('GET /v1/user/me', { token: body.token })
    assert.equal(me.body.username, 'ada')
    assert.equal(
      (await freddy.login({ email: 'ada@example.com', password: 'the password of eve' })).status,
      401,
    )
    assert.equal((await freddy.login({ email: 'ada@example.com' })).status, 200)
  },
)

scene('attack 051: an address stands eight wrong codes a day over all keys', async (freddy) => {
  let wrong = 0
  for (let round = 0; round < 3; round++) {
    const { body } = await register(freddy, {})
    for (let guess = 0; guess < 4; guess++) {
      if ((await freddy.verify(body.email_key, 10_000_000 + guess)).status === 401) wrong += 1
    }
    freddy.pass(2 * MINUTE)
  }
  assert.equal(wrong, 8)
})

scene(
  'attack 055: a mailbox of a stranger gets few mails, whatever its tags, and nobody is told',
  async (freddy) => {
    for (let count = 0; count < 40; count++) {
      const email = count % 2 ? `v+${count}@gmail.com` : 'v.v@gmail.com'
      const answer = await register(freddy, { email }, `10.0.${count}.1`)
      assert.equal(answer.status, 201)
      freddy.pass(10_000)
    }
    await freddy.running.outbox.drain()
    const perMailbox = freddy.mail.mails.map(({ envelope }) => JSON.stringify(envelope))
    assert.ok(perMailbox.filter((to) => to.includes('v+')).length <= 3)
    assert.ok(perMailbox.filter((to) => to.includes('v.v@')).length <= 3)
  },
)

scene('attack 053, 054: an address is one address', async (freddy) => {
  const odd = [
    'v@ex.com\r\nBcc: e@evil.com',
    'v@ex.com%0d%0a',
    'v@ex.com\u2028',
    'v@ex.com, e@evil.com',
    'v@ex.com; e@evil.com',
    '"v@ex.com" <e@evil.com>',
    'g: e@evil.com;',
    '"e@evil.com x"@ex.com',
    'v@ex.com(x).evil.com',
    'v%evil.com@ex.com',
  ]
  for (const email of odd) {
    const answer = await register(freddy, { email })
    assert.equal(answer.status, 422, email)
    assert.equal(answer.body.error.code, 'INVALID_EMAIL_FORMAT')
  }
  assert.equal((await register(freddy, { email: ['v@ex.com', 'e@evil.com'] })).status, 422)
  await freddy.running.outbox.drain()
  assert.equal(freddy.mail.mails.length, 0)
})

scene('attack 056: a name carries no markup, link or control into a mail', async (freddy) => {
  for (const full_name of [
    'https://evil.example click',
    'www.evil.example',
    'Ada\r\nBcc: x',
    'Ada\u202e',
    'x'.repeat(65),
    '\0',
  ]) {
    assert.equal((await register(freddy, { full_name })).status, 422, full_name)
  }
  assert.equal((await register(freddy, { full_name: '<img src=x onerror=alert(1)>' })).status, 201)
  await freddy.running.outbox.drain()
  for (const { raw } of freddy.mail.mails) assert.equal(String(raw).includes('<img src=x'), false)
})

scene('attack 060: the twins of an address are one row', async (freddy) => {
  for (const email of ['mike@example.com', 'MIKE@example.com', 'Mike@EXAMPLE.COM']) {
    assert.equal((await register(freddy, { email })).status, 201)
    freddy.pass(2 * MINUTE)
  }
  for (const email of ['mıke@example.com', 'mi\u212ae@example.com', 'İmike@example.com']) {
    assert.equal((await register(freddy, { email })).status, 422, email)
  }
  assert.equal((await freddy.database.read('SELECT address FROM registrations')).length, 1)
})

scene('attack 062: look-alike and reserved user names are refused', async (freddy) => {
  for (const user_name of [
    'аdmin',
    'admin',
    'root',
    'support',
    'freddy',
    'ad',
    'a b',
    '-ada',
    'ada!',
    'аda',
  ]) {
    assert.equal((await register(freddy, { user_name })).status, 422, user_name)
  }
})

scene('attack 065: fifty registrations of one address at once are one row', async (freddy) => {
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, count) =>
      register(
        freddy,
        { email: count % 2 ? 'ADA@example.com' : 'ada@example.com', user_name: 'ada' },
        `10.0.${count}.1`,
      ),
    ),
  )
  for (const { status, text } of answers) assert.ok([201, 503].includes(status), text)
  assert.equal((await freddy.database.read('SELECT address FROM registrations')).length, 1)
  freddy.pass(MINUTE)
  const sent = []
  for (const { body } of answers.filter(({ status }) => status === 201)) {
    const again = await freddy.ask('POST /v1/auth/resend-email', {
      body: { email_key: body.email_key },
    })
    if (again.status === 200) sent.push(body.email_key)
  }
  assert.equal(sent.length, 1)
  const code = await freddy.codeFor('ada@example.com')
  assert.equal((await freddy.verify(sent[0], Number(code))).status, 200)
  assert.equal((await freddy.database.read('SELECT id FROM users')).length, 1)
})

scene('attack 065: a user name belongs to one person', async (freddy) => {
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, count) =>
      register(freddy, { email: `p${count}@example.com`, user_name: 'ada' }, `10.0.${count}.1`),
    ),
  )
  const statuses = answers.map(({ status }) => status).sort()
  assert.deepEqual(statuses, [201, ...Array(9).fill(409)])
  freddy.pass(2 * HOUR)
  assert.equal(
    (await register(freddy, { email: 'late@example.com', user_name: 'ada' })).status,
    201,
  )
})

scene(
  'attack 071: passwords that are guessed first are refused with the reason',
  async (freddy) => {
    for (const password of [
      'password',
      '12345678',
      'qwertyuiop',
      'ada@example.com',
      'ada12',
      'freddy12',
      'aaaaaaaaaaaa',
      'Short1!',
    ]) {
      const answer = await register(freddy, { password })
      assert.equal(answer.status, 422, password)
      assert.equal(answer.body.error.code, 'WEAK_PASSWORD')
      assert.ok(answer.body.error.details.reason)
    }
    for (const password of ['a'.repeat(257), 'x\0yzabcdefgh']) {
      assert.equal((await register(freddy, { password })).status, 422)
    }
    assert.equal(
      (await register(freddy, { password: `${'🔑'.repeat(2)} every sign of yours` })).status,
      201,
    )
  },
)

scene('attack 067: every character of a password counts', async (freddy) => {
  const password = `${'p4'.repeat(40)}end of it`
  const { body } = await register(freddy, { password })
  await freddy.verify(body.email_key, Number(await freddy.codeFor('ada@example.com')))
  freddy.pass(HOUR)
  for (const almost of [
    password.slice(0, 72),
    password.slice(0, -1),
    `${password.slice(0, 72)}X${password.slice(73)}`,
  ]) {
    assert.equal((await freddy.login({ email: 'ada@example.com', password: almost })).status, 401)
  }
  assert.equal((await freddy.login({ email: 'ada@example.com', password })).status, 200)
})

scene('a password is the same however its characters are composed', async (freddy) => {
  const { body } = await register(freddy, { password: 'Ame\u0301lie geht heim' })
  await freddy.verify(body.email_key, Number(await freddy.codeFor('ada@example.com')))
  freddy.pass(HOUR)
  assert.equal(
    (await freddy.login({ email: 'ada@example.com', password: 'Am\u00e9lie\u00a0geht heim' }))
      .status,
    200,
  )
})

scene(
  'a server whose registration is closed says so to everybody',
  async (freddy) => {
    const answer = await register(freddy, {})
    assert.equal(answer.status, 403)
    assert.equal(answer.body.error.code, 'REGISTRATION_RESTRICTED')
  },
  { env: { REGISTRATION: 'closed' } },
)

scene('a registration ends with its key, and the address is free again', async (freddy) => {
  const { body } = await register(freddy, {})
  const code = await freddy.codeFor('ada@example.com')
  assert.equal((await freddy.verify(body.email_key, wrongCode(code))).status, 401)
  freddy.pass(61 * MINUTE)
  assert.equal((await freddy.verify(body.email_key, Number(code))).status, 401)
  assert.equal((await register(freddy, {})).status, 201)
})

scene('one code makes one account with one session, however many ask at once', async (freddy) => {
  const { body } = await freddy.ask('POST /v1/auth/register', {
    body: { email: 'ada@example.com', password: PASSWORD },
  })
  const code = Number(await freddy.codeFor('ada@example.com'))
  const ask = () => freddy.verify(body.email_key, code)
  const answers = await Promise.all(Array.from({ length: 4 }, ask))
  assert.equal(answers.filter(({ status }) => status === 200).length, 1)
  assert.equal((await freddy.database.read('SELECT id FROM sessions')).length, 1)
  assert.equal((await freddy.database.read('SELECT id FROM users')).length, 1)
})
