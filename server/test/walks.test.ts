import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { databases } from './databases.ts'
import { DAY, type Freddy, MINUTE, type Person, startFreddy, wrongCode } from './freddy.ts'

const WALKS = 12
const STEPS = 25

type Step =
  | 'log in'
  | 'log in with a wrong password'
  | 'verify'
  | 'verify with a wrong code'
  | 'verify an old key'
  | 'resend'
  | 'refresh'
  | 'rotate'
  | 'log out'
  | 'use every token'
  | 'wait a minute'
  | 'wait ten minutes'

const step = fc.constantFrom<Step>(
  'log in',
  'log in',
  'log in with a wrong password',
  'verify',
  'verify',
  'verify with a wrong code',
  'verify an old key',
  'resend',
  'refresh',
  'rotate',
  'log out',
  'use every token',
  'wait a minute',
  'wait ten minutes',
)

type Server = Omit<Freddy, 'database'>

/** What one person's client knows after some steps, and what must hold of it. */
interface Walk {
  readonly who: Person
  readonly from: string
  /** Keys that a right password was answered with, newest last, and how many sessions each began. */
  readonly keys: Map<string, { sessions: number; wrong: number }>
  readonly sessions: { token: string; refresh: string; ended: boolean }[]
  /** When codes of this account were wrong. */
  readonly misses: number[]
  code: string
}

for (const { name, open } of databases) {
  test(`however one walks, a token needs a password and a code, and what is over stays over (${name})`, async () => {
    const place = await open()
    const env = { LIMITS: 'verify-source=off,requests=off,refresh=off,refused-source=off' }
    const freddy = await startFreddy(place.url, name, { env })
    let walks = 0
    let sessions = 0
    try {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: STEPS, maxLength: STEPS }), async (steps) => {
          walks += 1
          const walk = await begin(freddy, `walker${walks}`, `10.7.${walks % 250}.1`)
          for (const each of steps) await steps_[each](freddy, walk)
          await holds(freddy, walk)
          sessions += walk.sessions.length
        }),
        { numRuns: WALKS, seed: 20_261_123, endOnFailure: true },
      )
      assert.ok(sessions > WALKS, 'the walks reach what they are about')
    } finally {
      await freddy.running.close()
      await freddy.mail.close()
      await place.drop()
    }
  })
}

async function begin(freddy: Server, name: string, from: string): Promise<Walk> {
  const who = await freddy.person(name)
  return { who, from, keys: new Map(), sessions: [], misses: [], code: '' }
}

const newestKey = ({ keys }: Walk) => [...keys.keys()].at(-1)

async function readCode(freddy: Server, walk: Walk): Promise<void> {
  await freddy.running.outbox.drain()
  walk.code = freddy.mail.codeFor(walk.who.email) ?? walk.code
}

async function guess(freddy: Server, walk: Walk, key: string, code: string): Promise<void> {
  const known = walk.keys.get(key)
  assert.ok(known)
  const answer = await freddy.verify(key, Number(code), { from: walk.from })
  assert.ok([200, 401, 410, 422, 429].includes(answer.status), answer.text)
  if (answer.status !== 200) {
    if (answer.status === 401 && answer.body.error.code === 'INVALID_VERIFICATION_CODE') {
      known.wrong += known.sessions === 0 ? 1 : 0
    }
    return
  }
  known.sessions += 1
  assert.equal(code, walk.code, 'only the mailed code opens')
  assert.equal(known.sessions, 1, 'one key, one session')
  const { token, refreshToken } = answer.body
  walk.sessions.push({ token, refresh: refreshToken, ended: false })
}

const steps_: Readonly<Record<Step, (freddy: Server, walk: Walk) => Promise<void>>> = {
  async 'log in'(freddy, walk) {
    const answer = await freddy.login(walk.who, { from: walk.from })
    assert.ok([200, 429].includes(answer.status), answer.text)
    if (answer.status !== 200) return
    walk.keys.set(answer.body.email_key, { sessions: 0, wrong: 0 })
    await readCode(freddy, walk)
  },
  async 'log in with a wrong password'(freddy, walk) {
    const answer = await freddy.login({ ...walk.who, password: 'wrong' }, { from: walk.from })
    assert.ok([401, 429].includes(answer.status), answer.text)
    assert.equal(answer.body.email_key, undefined)
  },
  async verify(freddy, walk) {
    const key = newestKey(walk)
    if (key) await guess(freddy, walk, key, walk.code)
  },
  async 'verify with a wrong code'(freddy, walk) {
    const key = newestKey(walk)
    if (!key) return
    const answer = await freddy.verify(key, wrongCode(walk.code), { from: walk.from })
    assert.ok([401, 410, 429].includes(answer.status), answer.text)
    const isMiss = answer.status === 410 || walk.keys.get(key)?.sessions === 0
    if (isMiss && answer.status !== 429) walk.misses.push(freddy.now())
  },
  async 'verify an old key'(freddy, walk) {
    const [key] = walk.keys.keys()
    if (key && key !== newestKey(walk)) {
      const before = walk.sessions.length
      const answer = await freddy.verify(key, Number(walk.code), { from: walk.from })
      assert.notEqual(answer.status, 200, 'the newest code does not open an older key')
      assert.equal(walk.sessions.length, before)
    }
  },
  async resend(freddy, walk) {
    const key = newestKey(walk)
    if (!key) return
    const answer = await freddy.ask('POST /v1/auth/resend-email', {
      body: { email_key: key },
      from: walk.from,
    })
    assert.ok([200, 401, 429].includes(answer.status), answer.text)
    if (answer.status === 200) await readCode(freddy, walk)
  },
  refresh: (freddy, walk) => renew(freddy, walk, false),
  rotate: (freddy, walk) => renew(freddy, walk, true),
  async 'log out'(freddy, walk) {
    const session = walk.sessions.find(({ ended }) => !ended)
    if (!session) return
    const answer = await freddy.ask('POST /v1/auth/logout', { token: session.token })
    assert.equal(answer.status, 200, answer.text)
    session.ended = true
  },
  'use every token': (freddy, walk) => holds(freddy, walk),
  async 'wait a minute'(freddy) {
    freddy.pass(MINUTE)
  },
  async 'wait ten minutes'(freddy) {
    freddy.pass(10 * MINUTE)
  },
}

async function renew(freddy: Server, walk: Walk, rotate: boolean): Promise<void> {
  const session = walk.sessions.at(-1)
  if (!session) return
  const answer = await freddy.ask('POST /v1/auth/refresh', {
    body: { refresh_token: session.refresh, rotate },
  })
  assert.equal(answer.status, session.ended ? 401 : 200, answer.text)
  if (answer.status !== 200) return
  session.token = answer.body.token
  if (rotate) session.refresh = answer.body.refreshToken
}

/** What holds at any moment of any walk. */
async function holds(freddy: Server, walk: Walk): Promise<void> {
  for (const { token, refresh, ended } of walk.sessions) {
    const used = await freddy.ask('GET /v1/user/me', { token })
    assert.equal(used.status, ended ? 401 : 200, used.text)
    if (!ended) continue
    const body = { refresh_token: refresh }
    assert.equal((await freddy.ask('POST /v1/auth/refresh', { body })).status, 401)
  }
  const sessions = [...walk.keys.values()].reduce((sum, key) => sum + key.sessions, 0)
  assert.equal(sessions, walk.sessions.length)
  for (const { wrong } of walk.keys.values()) assert.ok(wrong <= 5)
  assert.ok(walk.misses.filter((moment) => moment > freddy.now() - DAY).length <= 8)
}
