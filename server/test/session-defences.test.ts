import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createKeyring, keyedHash } from '../src/auth/keyring.ts'
import { timedId } from '../src/auth/random.ts'
import { createTokens } from '../src/auth/token.ts'
import { DAY, type Freddy, HOUR, SECRET, scene } from './freddy.ts'

const NOW = Date.UTC(2026, 10, 23, 12)
const seconds = NOW / 1000
const claims = { sub: 'usr_1', sid: 'ses_1', jti: 'a', iat: seconds, exp: seconds + 3600 }
const rules = {
  keyring: createKeyring([SECRET]),
  issuer: 'freddy-auth',
  audience: 'freddy-api',
  longest: { access: 86_400, refresh: 2_592_000 },
  signingKeys: { current: null, all: [] },
}

const validate = async (freddy: Freddy, token: string) =>
  (await freddy.ask('GET /v1/auth/validate', { token })).status
const refresh = (freddy: Freddy, refresh_token: string) =>
  freddy.ask('POST /v1/auth/refresh', { body: { refresh_token } })

test('attack 077: an access token that is remembered is no refresh token', () => {
  const tokens = createTokens(rules)
  const token = tokens.sign('access', claims)
  tokens.check('access', token, NOW)
  assert.throws(() => tokens.check('refresh', token, NOW), { code: 'TOKEN_INVALID' })
})

test('attack 078: a token that is remembered ends like any other', () => {
  const tokens = createTokens(rules)
  const token = tokens.sign('access', claims)
  tokens.check('access', token, NOW)
  assert.throws(() => tokens.check('access', token, NOW + HOUR + 30_000), { code: 'TOKEN_EXPIRED' })
})

test('attack 081: a token that is too long is refused, genuine as it may be', () => {
  const tokens = createTokens(rules)
  const token = tokens.sign('access', { ...claims, jti: 'a'.repeat(4096) })
  assert.throws(() => tokens.check('access', token, NOW), { code: 'TOKEN_INVALID' })
})

test('attack 077: every purpose has a key of its own', () => {
  const { of, check } = rules.keyring.current
  const keys = [...Object.values(of).map((key) => key.export().toString('base64url')), check]
  assert.equal(new Set(keys).size, keys.length)
})

test('ids of later moments stand behind those of earlier ones, and none is made twice', () => {
  const moments = [0, 1, 4095, 4096, NOW, NOW + 1, 2 ** 47]
  const ids = moments.flatMap((moment) => [timedId('evt_', moment), timedId('evt_', moment)])
  assert.equal(new Set(ids).size, ids.length)
  for (const id of ids) assert.match(id, /^evt_[0-9a-f]{32}$/)
  const times = ids.map((id) => id.slice(0, 16))
  assert.deepEqual(times, times.toSorted())
})

test('the parts of a keyed hash cannot run into each other', () => {
  const key = rules.keyring.current.of.name
  assert.notEqual(keyedHash(key, 'ab', 'c'), keyedHash(key, 'a', 'bc'))
  assert.notEqual(keyedHash(key, 'ab'), keyedHash(key, 'a', 'b'))
})

scene(
  'attack 091: a session that was read a moment ago ends at its last millisecond',
  async (freddy) => {
    const { refreshToken } = await freddy.signIn(await freddy.person('ada'))
    freddy.pass(30 * DAY - HOUR)
    const { token } = (await refresh(freddy, refreshToken)).body
    freddy.pass(HOUR - 500)
    await freddy.running.app.feed.look()
    assert.equal(await validate(freddy, token), 200)
    freddy.pass(500)
    assert.equal(await validate(freddy, token), 401)
  },
)

scene(
  'attack 091: an idle session ends where that is asked for',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const used = await freddy.signIn(ada)
    const idle = await freddy.signIn(ada)
    freddy.pass(DAY)
    assert.equal((await refresh(freddy, used.refreshToken)).status, 200)
    freddy.pass(DAY)
    const over = await refresh(freddy, idle.refreshToken)
    assert.equal(over.status, 401)
    assert.equal(over.body.error.details.reason, 'idle')
    assert.equal((await refresh(freddy, used.refreshToken)).status, 200)
  },
  { env: { SESSION_IDLE_DAYS: '2' } },
)

scene('attack 085: what is older than a security event of its person is over', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token, refreshToken } = await freddy.signIn(ada)
  await freddy.database.write('UPDATE users SET sessions_valid_after = :now', {
    now: freddy.now() + 1,
  })
  freddy.pass(1000)
  assert.equal(await validate(freddy, token), 401)
  assert.equal((await refresh(freddy, refreshToken)).status, 401)
  assert.equal(await validate(freddy, (await freddy.signIn(ada)).token), 200)
})

scene(
  'attack 076: a token is worth nothing for another person than that of its session',
  async (freddy) => {
    const eve = await freddy.person('eve')
    const ada = await freddy.person('ada')
    const { refreshToken, token, device_id: sid } = await freddy.signIn(ada)
    assert.equal(await validate(freddy, token), 200, 'the session is remembered')
    const [, payload = ''] = String(refreshToken).split('.')
    const { jti, iat, exp } = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const { tokens } = freddy.running.app
    const access = tokens.sign('access', { sub: eve.id, sid, jti, iat, exp: iat + 60 })
    assert.equal(await validate(freddy, access), 401)
    const stolen = tokens.sign('refresh', { sub: eve.id, sid, jti, iat, exp })
    assert.equal((await refresh(freddy, stolen)).status, 401)
    assert.equal((await refresh(freddy, refreshToken)).status, 200)
  },
)
