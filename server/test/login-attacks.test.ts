import assert from 'node:assert/strict'
import { noticeStuffing } from '../src/auth/surge.ts'
import { type Freddy, HOUR, MINUTE, scene, wrongCode } from './freddy.ts'

const WRONG = 'this is not the password'

const statusesOf = (answers: readonly { status: number }[]) =>
  answers.map(({ status }) => status).sort()

async function fail(freddy: Freddy, as: string, from: string, times: number) {
  const answers = []
  for (let count = 0; count < times; count++) {
    answers.push(await freddy.login({ as, password: WRONG }, { from }))
  }
  return answers
}

const hashesOf = (freddy: Freddy) => auditCount(freddy, 'wrong_password')

async function auditCount(freddy: Freddy, reason: string) {
  const [row] = await freddy.database.read<{ count: number }>(
    'SELECT count(*) AS count FROM audit_events WHERE reason = :reason',
    { reason },
  )
  return row?.count ?? 0
}

scene('attack 001: thirty guesses from one source are five', async (freddy) => {
  const ada = await freddy.person('ada')
  const answers = await fail(freddy, ada.email, '192.0.2.1', 30)
  assert.deepEqual(statusesOf(answers), [...Array(5).fill(401), ...Array(25).fill(429)])
  const over = answers[5]
  assert.equal(over?.body.error.code, 'TOO_MANY_LOGIN_ATTEMPTS')
  assert.equal(over?.body.error.message, 'Too many login attempts. Please try again later')
  const { retry_after } = over?.body.error.details ?? {}
  assert.ok(Number.isInteger(retry_after) && retry_after >= 1 && retry_after <= 300)
  assert.equal(await hashesOf(freddy), 5)
  assert.equal(freddy.mail.mails.length, 0)
})

scene(
  'attack 002: one source that tries many accounts is slowed for all of them',
  async (freddy) => {
    await freddy.person('ada')
    const answers = []
    for (let count = 0; count < 40; count++) {
      const as = count % 2 ? `nobody${count}@example.com` : 'ada@example.com'
      answers.push(...(await fail(freddy, count % 10 ? as : `x${count}`, '192.0.2.1', 1)))
    }
    assert.ok(answers.filter(({ status }) => status === 401).length <= 20)
    assert.equal((await fail(freddy, 'another@example.com', '192.0.2.1', 1))[0]?.status, 429)
    assert.equal((await fail(freddy, 'another@example.com', '198.51.100.1', 1))[0]?.status, 401)
  },
)

scene(
  'attack 003: one account from many sources yields ten guesses, then one in thirty seconds',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const statuses = []
    for (let count = 0; count < 60; count++) {
      const [answer] = await fail(freddy, ada.email, `10.1.${count}.1`, 1)
      statuses.push(answer?.status)
    }
    assert.equal(statuses.filter((status) => status === 401).length, 10)
    freddy.pass(30_000)
    const later = await Promise.all(
      Array.from({ length: 20 }, (_, count) =>
        freddy.login({ as: ada.email, password: WRONG }, { from: `10.2.${count}.1` }),
      ),
    )
    assert.equal(later.filter(({ status }) => status === 401).length, 1)
  },
)

scene(
  'attack 003: after a hundred in a row one guess in five minutes is left, and the owner is told once',
  async (freddy) => {
    const ada = await freddy.person('ada')
    let wrong = 0
    for (let round = 0; wrong < 100 && round < 400; round++) {
      const [answer] = await fail(freddy, ada.email, `10.${round % 200}.${round >> 4}.1`, 1)
      if (answer?.status === 401) wrong += 1
      freddy.pass(31_000)
    }
    assert.equal(wrong, 100)
    const [slowed] = await fail(freddy, ada.email, '10.9.9.9', 1)
    assert.equal(slowed?.status, 429)
    freddy.pass(300_000)
    assert.equal((await fail(freddy, ada.email, '10.9.9.9', 1))[0]?.status, 401)
    await freddy.running.outbox.drain()
    assert.equal(
      freddy.mail.mails.filter(({ envelope }) => String(envelope.to).includes(ada.email)).length,
      1,
    )
  },
)

scene('attack 005: a hundred guesses at once are five', async (freddy) => {
  const ada = await freddy.person('ada')
  const answers = await Promise.all(
    Array.from({ length: 100 }, () => freddy.login({ as: ada.email, password: WRONG })),
  )
  const decided = answers.filter(({ status }) => status === 401)
  assert.ok(decided.length <= 5)
  for (const { status } of answers) assert.ok([401, 429, 503].includes(status))
  assert.equal(answers.filter(({ status }) => status === 429).length, 95)
  assert.equal(await hashesOf(freddy), decided.length)
})

scene(
  'attack 007: a hundred times of a hundred, who hammers does not lock the owner out',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const { device_token } = await freddy.signIn(ada)
    const fromHome = () =>
      freddy.ask('POST /v1/auth/login', {
        body: { email_or_username: ada.email, password: ada.password, device_token },
      })
    for (let round = 0; round < 100; round++) {
      for (let count = 0; count < 12; count++) {
        await freddy.login({ as: ada.email, password: WRONG }, { from: `10.${round}.${count}.1` })
      }
      freddy.pass(20 * MINUTE)
      const answer = await fromHome()
      assert.equal(answer.status, 200, answer.text)
      assert.equal(
        (await freddy.verify(answer.body.email_key, await freddy.codeFor(ada.email))).status,
        200,
      )
      // Her sign-ins stay below the forty mails of a day.
      freddy.pass(20 * MINUTE)
    }
    const stranger = await freddy.login(ada, { from: '203.0.113.7' })
    assert.ok([200, 429].includes(stranger.status))
  },
)

scene('attack 007: a known device has five wrong passwords of its own', async (freddy) => {
  const ada = await freddy.person('ada')
  const { device_token } = await freddy.signIn(ada)
  const guess = (password: string) =>
    freddy.ask('POST /v1/auth/login', {
      body: { email_or_username: ada.email, password, device_token },
    })
  for (let count = 0; count < 5; count++) assert.equal((await guess(WRONG)).status, 401)
  assert.equal((await guess(WRONG)).status, 429)
  assert.equal((await guess(ada.password)).status, 429)
  const counted = await freddy.database.read(
    "SELECT key FROM budgets WHERE name = 'login-account' AND log <> ''",
  )
  assert.deepEqual(counted, [])
})

scene(
  'attack 007: a device token of somebody else, or a made-up one, is no known device',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const { device_token } = await freddy.signIn(await freddy.person('eve'))
    const made = `${device_token.split('.')[0]}.${'A'.repeat(43)}`
    for (const token of [device_token, made, 'dev_x', '.', '']) {
      const answers = []
      for (let count = 0; count < 3; count++) {
        answers.push(
          await freddy.ask('POST /v1/auth/login', {
            body: { email_or_username: ada.email, password: WRONG, device_token: token },
          }),
        )
      }
      assert.ok(answers.every(({ status }) => status === 401 || status === 429))
    }
    assert.equal(await hashesOf(freddy), 5)
  },
)

scene('attack 008: nobody can take the name of an address', async (freddy) => {
  const answer = await freddy.ask('POST /v1/auth/register', {
    body: {
      email: 'eve@example.com',
      password: 'correct horse battery',
      user_name: 'ada@example.com',
    },
  })
  assert.equal(answer.status, 422)
  assert.equal(answer.body.error.details.fields[0].field, 'user_name')
})

scene('attack 009: every spelling of a name spends one budget', async (freddy) => {
  const ada = await freddy.person('ada')
  const spellings = [
    ada.email,
    'ADA@EXAMPLE.COM',
    ' ada@example.com',
    'ada',
    'Ada',
    'ａda@example.com',
    'ADA ',
  ]
  const answers = []
  for (const as of spellings) answers.push(...(await fail(freddy, as, '192.0.2.1', 1)))
  assert.deepEqual(
    answers.map(({ status }) => status),
    [401, 401, 401, 401, 401, 429, 429],
  )
})

scene(
  'attack 011: the right password is told nothing while the budget is spent',
  async (freddy) => {
    const ada = await freddy.person('ada')
    await fail(freddy, ada.email, '192.0.2.1', 5)
    const wrong = await freddy.login({ as: ada.email, password: WRONG }, { from: '192.0.2.1' })
    const right = await freddy.login(ada, { from: '192.0.2.1' })
    const bare = (answer: typeof wrong) => ({ ...answer.body.error, trace_id: '', timestamp: '' })
    assert.deepEqual(bare(right), bare(wrong))
    assert.equal(await hashesOf(freddy), 5)
    await freddy.running.outbox.drain()
    assert.equal(freddy.mail.mails.length, 0)
  },
)

scene('attack 012: a forwarded address is believed only from a proxy of ours', async (freddy) => {
  const ada = await freddy.person('ada')
  for (let count = 0; count < 8; count++) {
    await freddy.login(
      { as: ada.email, password: WRONG },
      {
        headers: {
          'x-forwarded-for': `10.0.0.${count}`,
          forwarded: `for=10.0.1.${count}`,
          'x-real-ip': '1.1.1.1',
        },
      },
    )
  }
  assert.equal(await hashesOf(freddy), 5)
})

scene(
  'attack 012: behind our proxy the rightmost foreign hop counts, whatever stands left of it',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const statuses = []
    for (let count = 0; count < 8; count++) {
      const headers = { 'x-forwarded-for': `10.0.0.${count}, 203.0.113.9` }
      const answer = await freddy.login(
        { as: ada.email, password: WRONG },
        { from: '127.0.0.1', headers },
      )
      statuses.push(answer.status)
    }
    assert.equal(statuses.filter((status) => status === 401).length, 5)
    const sources = await freddy.database.read('SELECT DISTINCT source FROM audit_events')
    assert.deepEqual(
      sources.map(({ source }) => source),
      ['203.0.113.9'],
    )
  },
  { env: { TRUSTED_PROXIES: '127.0.0.0/8' } },
)

scene('attack 013: an IPv6 /64 is one source, and an IPv4 in IPv6 is the IPv4', async (freddy) => {
  const ada = await freddy.person('ada')
  const answers = []
  for (let count = 1; count <= 8; count++) {
    answers.push(...(await fail(freddy, ada.email, `2001:db8:1:1::${count.toString(16)}`, 1)))
  }
  assert.equal(answers.filter(({ status }) => status === 401).length, 5)
  const bob = await freddy.person('bob')
  const mixed = [...(await fail(freddy, bob.email, '198.51.100.7', 3))]
  mixed.push(...(await fail(freddy, bob.email, '::ffff:198.51.100.7', 3)))
  assert.equal(mixed.filter(({ status }) => status === 401).length, 5)
  assert.equal((await fail(freddy, bob.email, '::ffff:198.51.100.8', 1))[0]?.status, 401)
})

scene('attack 014: lists and objects are no names and no passwords', async (freddy) => {
  const ada = await freddy.person('ada')
  const bodies = [
    [{ email_or_username: ada.email, password: WRONG }],
    { email_or_username: [ada.email, 'eve'], password: WRONG },
    { email_or_username: ada.email, password: ['a', 'b'] },
    { email_or_username: ada.email, password: { $ne: 1 } },
    { email_or_username: ada.email, password: null },
    { email_or_username: ada.email, password: 1 },
    { email_or_username: ada.email },
    { email_or_username: ada.email, password: WRONG, admin: true },
  ]
  for (const body of bodies)
    assert.equal((await freddy.ask('POST /v1/auth/login', { body })).status, 422)
  assert.equal(await hashesOf(freddy), 0)
  assert.deepEqual(await freddy.database.read('SELECT key FROM budgets'), [])
})

scene('attack 015: a 429 says when to come back, and keeps its word', async (freddy) => {
  const ada = await freddy.person('ada')
  await fail(freddy, ada.email, '192.0.2.1', 5)
  freddy.pass(100_000)
  const over = await freddy.login(ada, { from: '192.0.2.1' })
  assert.equal(over.body.error.details.retry_after, 200)
  assert.equal(over.headers['retry-after'], '200')
  assert.equal(over.headers['ratelimit-policy'], '"login";q=5;w=300')
  assert.equal(over.headers.ratelimit, '"login";r=0;t=200')
  for (let count = 0; count < 50; count++) await freddy.login(ada, { from: '192.0.2.1' })
  freddy.pass(199_000)
  assert.equal((await freddy.login(ada, { from: '192.0.2.1' })).status, 429)
  freddy.pass(1000)
  assert.equal((await freddy.login(ada, { from: '192.0.2.1' })).status, 200)
})

scene('attack 017: unknown, wrong, disabled and passwordless are one answer', async (freddy) => {
  const ada = await freddy.person('ada')
  const off = await freddy.person('off')
  const bare = await freddy.person('bare')
  await freddy.database.write('UPDATE users SET disabled_at = 1 WHERE id = :id', { id: off.id })
  await freddy.database.write('UPDATE users SET password_hash = NULL WHERE id = :id', {
    id: bare.id,
  })
  await freddy.ask('POST /v1/auth/register', {
    body: { email: 'new@example.com', password: off.password },
  })
  const answers = [
    await freddy.login({ as: 'nobody@example.com' }),
    await freddy.login({ as: ada.email, password: WRONG }),
    await freddy.login({ as: off.email }),
    await freddy.login({ as: bare.email }),
    await freddy.login({ as: 'new@example.com' }),
  ]
  const shapes = answers.map(({ status, body, headers }) => ({
    status,
    error: { ...body.error, trace_id: '', timestamp: '' },
    headers: { ...headers, 'x-request-id': '', date: '' },
  }))
  for (const shape of shapes) assert.deepEqual(shape, shapes[0])
})

scene(
  'attack 019: a name that nobody has is throttled like one that somebody has',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const known = await fail(freddy, ada.email, '192.0.2.1', 8)
    const unknown = await fail(freddy, 'nobody@example.com', '192.0.2.2', 8)
    assert.deepEqual(
      known.map(({ status }) => status),
      unknown.map(({ status }) => status),
    )
    const many = async (as: string) => {
      const statuses = []
      for (let count = 0; count < 30; count++) {
        statuses.push((await fail(freddy, as, `10.3.${count}.1`, 1))[0]?.status)
      }
      return statuses
    }
    assert.deepEqual(await many(ada.email), await many('nobody@example.com'))
  },
)

scene('a right password is given back, and earlier wrong ones stay', async (freddy) => {
  const ada = await freddy.person('ada')
  await fail(freddy, ada.email, '127.0.0.1', 4)
  for (let count = 0; count < 3; count++) {
    assert.equal((await freddy.login(ada)).status, 200)
    freddy.pass(MINUTE)
  }
  assert.equal((await fail(freddy, ada.email, '127.0.0.1', 1))[0]?.status, 401)
  assert.equal((await fail(freddy, ada.email, '127.0.0.1', 1))[0]?.status, 429)
})

scene(
  'attack 055: a person gets five sign-in mails in ten minutes and forty a day',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const statuses = []
    for (let count = 0; count < 11; count++) statuses.push((await freddy.login(ada)).status)
    assert.deepEqual(statuses, [...Array(5).fill(200), ...Array(6).fill(429)])
    // The password was right each time: it is the mails that are over, and no try.
    const over = await freddy.login(ada)
    assert.equal(over.body.error.code, 'TOO_MANY_REQUESTS')
    freddy.pass(over.body.error.details.retry_after * 1000)
    assert.equal((await freddy.login(ada)).status, 200)
    let sent = 6
    for (let count = 0; count < 100; count++) {
      freddy.pass(10 * MINUTE)
      if ((await freddy.login(ada)).status === 200) sent += 1
    }
    assert.ok(sent <= 40, `${sent} in ${(100 * 10) / 60} hours`)
    await freddy.running.outbox.drain()
  },
)

scene('attack 050: many wrong codes over many accounts lengthen every new code', async (freddy) => {
  const zoe = await freddy.person('zoe')
  for (let count = 0; count < 51; count++) {
    const who = await freddy.person(`user${count}`)
    const { body } = await freddy.login(who)
    assert.equal(
      (await freddy.verify(body.email_key, wrongCode(await freddy.codeFor(who.email)))).status,
      401,
    )
  }
  const { body } = await freddy.login(zoe)
  const code = await freddy.codeFor(zoe.email)
  assert.equal(code.length, 6)
  assert.equal((await freddy.verify(body.email_key, Number(code))).status, 200)
  freddy.pass(24 * HOUR)
  await freddy.login(zoe)
  assert.equal((await freddy.codeFor(zoe.email)).length, 4)
})

scene(
  'attack 004: one wrong password on each of many accounts trips no limit, and is noticed',
  async (freddy) => {
    const { app } = freddy.running
    const zoe = await freddy.person('zoe')
    const digits = async () => {
      freddy.pass(2 * MINUTE)
      assert.equal((await freddy.login(zoe)).status, 200)
      return (await freddy.codeFor(zoe.email)).length
    }
    for (let count = 0; count < 30; count++) {
      const [answer] = await fail(freddy, `user${count}@example.com`, `10.4.${count % 6}.1`, 1)
      assert.equal(answer?.status, 401)
      freddy.pass(MINUTE)
    }
    await noticeStuffing(app, freddy.now())
    assert.equal(await digits(), 4)
    await noticeStuffing(app, freddy.now(), 20)
    await noticeStuffing(app, freddy.now(), 20)
    assert.equal(await digits(), 6)
    const noticed = await freddy.database.read<{ source: string | null }>(
      "SELECT source FROM audit_events WHERE event = 'auth.stuffing_suspected'",
    )
    assert.deepEqual(
      noticed.map(({ source }) => source),
      [null],
    )
    assert.ok(freddy.log.some((line) => line.includes('auth.stuffing_suspected')))
    freddy.pass(24 * HOUR)
    assert.equal(await digits(), 4)
  },
)

scene('attack 004: as many right passwords as wrong ones are no attack', async (freddy) => {
  for (let count = 0; count < 8; count++) {
    assert.equal((await freddy.login(await freddy.person(`user${count}`))).status, 200)
    await fail(freddy, `user${count}@example.com`, '10.5.0.1', 1)
  }
  await noticeStuffing(freddy.running.app, freddy.now(), 5)
  const [row] = await freddy.database.read("SELECT * FROM settings WHERE name = 'surge_until'")
  assert.equal(row, undefined)
})
