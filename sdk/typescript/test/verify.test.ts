import assert from 'node:assert/strict'
import { createHmac, generateKeyPairSync, sign } from 'node:crypto'
import { test } from 'node:test'
import { inspect } from 'node:util'
import { errors } from '../../../server/src/errors.ts'
import { DAY, type Freddy, MINUTE, scene } from '../../../server/test/freddy.ts'
import { keyOwner } from '../../../server/test/key-owner.ts'
import { RefusedError, Verifier } from '../src/verify/index.ts'
import { ISSUER, outcomeOf, panicAbout, resourceOf } from './resource.ts'

const SECOND = 1000
const eddsa = { env: { JWT_ALG: 'EdDSA' } }

for (const alg of ['EdDSA', 'ES256', 'RS256']) {
  scene(
    `a token signed by ${alg} is verified without asking about it`,
    async (freddy) => {
      const { verifier, calls } = await resourceOf(freddy)
      const ada = await freddy.person('ada')
      const { token, device_id } = await freddy.signIn(ada)
      const principal = await verifier.verify(token)
      assert.deepEqual(principal, {
        kind: 'signed-in',
        userId: ada.id,
        sessionId: device_id,
        amr: ['pwd', 'email'],
        expiresAt: new Date(freddy.now() + DAY),
      })
      assert.deepEqual(calls, ['jwks.json', 'revocations'])
      await Promise.all(Array.from({ length: 50 }, () => verifier.verify(token)))
      assert.deepEqual(calls, ['jwks.json', 'revocations'], 'nothing is asked twice')
      freddy.pass(DAY + 29 * SECOND)
      assert.equal(await outcomeOf(verifier.verify(token)), ada.id)
      freddy.pass(2 * SECOND)
      assert.equal(await outcomeOf(verifier.verify(token)), 'TOKEN_EXPIRED')
      assert.equal(calls.includes('introspect'), false)
    },
    { env: { JWT_ALG: alg } },
  )
}

scene(
  'who signs out is refused within five seconds',
  async (freddy) => {
    const { verifier, calls } = await resourceOf(freddy)
    const { token } = await freddy.signIn(await freddy.person('ada'))
    const { token: other } = await freddy.signIn(await freddy.person('bob'))
    await verifier.verify(token)
    await freddy.ask('POST /v1/auth/logout', { token })
    freddy.pass(5 * SECOND)
    const both = [verifier.verify(token), verifier.verify(other)]
    const [ended, lives] = await Promise.all(both.map(outcomeOf))
    assert.equal(ended, 'TOKEN_INVALID')
    assert.match(String(lives), /^usr_/)
    // While a panic could be undone it asks, though not for every call; then it knows.
    const asked = () => calls.filter((call) => call === 'introspect').length
    assert.equal(asked(), 1)
    for (let count = 0; count < 5; count++) await outcomeOf(verifier.verify(token))
    assert.equal(asked(), 1)
    freddy.pass(10 * MINUTE)
    assert.equal(await outcomeOf(verifier.verify(token)), 'TOKEN_INVALID')
    const before = asked()
    freddy.pass(10 * MINUTE)
    assert.equal(await outcomeOf(verifier.verify(token)), 'TOKEN_INVALID')
    assert.equal(asked(), before)
  },
  eddsa,
)

scene(
  'a session that a panic ended comes back when that is undone',
  async (freddy) => {
    const { verifier } = await resourceOf(freddy)
    const { token, device_id } = await freddy.signIn(await freddy.person('ada'))
    const undo = await panicAbout(freddy, 'ada')
    assert.equal(await outcomeOf(verifier.verify(token)), 'TOKEN_INVALID')
    await undo()
    freddy.pass(5 * SECOND)
    const back = await verifier.verify(token)
    assert.equal(back.kind === 'signed-in' && back.sessionId, device_id)
    await freddy.ask('POST /v1/auth/logout', { token })
    freddy.pass(5 * SECOND)
    assert.equal(await outcomeOf(verifier.verify(token)), 'TOKEN_INVALID', 'an end of its own')
  },
  eddsa,
)

scene('a key is asked about once a minute, and forgotten when it ends', async (freddy) => {
  const { verifier, calls } = await resourceOf(freddy)
  const ada = await keyOwner(freddy)
  const { key, id } = (await ada.make({ scopes: ['responses'] })).body
  const verify = (needs = {}) => outcomeOf(verifier.verify(key, needs))
  const holder = await verifier.verify(key, { scopes: ['responses'] })
  assert.deepEqual(
    [holder.kind, holder.userId, holder.kind === 'key-holder' && [holder.keyId, holder.scopes]],
    ['key-holder', ada.id, [id, ['responses']]],
  )
  assert.equal(holder.expiresAt?.getTime(), Math.floor(freddy.now() / 1000) * 1000 + 90 * DAY)
  assert.equal(await verify({ scopes: ['responses', 'models'] }), 'INSUFFICIENT_PERMISSIONS')
  await Promise.all(Array.from({ length: 20 }, () => verify()))
  const asked = () => calls.filter((call) => call === 'introspect').length
  assert.equal(asked(), 1)
  freddy.pass(MINUTE)
  await Promise.all(Array.from({ length: 20 }, () => verify()))
  assert.equal(asked(), 2, 'twenty at once ask once')

  await ada.act(id, 'pause')
  freddy.pass(5 * SECOND)
  assert.equal(await verify(), 'INVALID_API_KEY')
  await ada.act(id, 'resume')
  freddy.pass(5 * SECOND)
  assert.equal(await verify(), ada.id)
  await ada.revoke(id)
  freddy.pass(5 * SECOND)
  assert.equal(await verify(), 'INVALID_API_KEY')
  const before = asked()
  for (const none of ['ak_', `${key}x`, key.slice(0, -1)]) {
    assert.equal(await outcomeOf(verifier.verify(none)), 'INVALID_API_KEY')
  }
  assert.equal(asked(), before, 'what has not the form of a key is not asked about')
})

scene('a key that was changed or rotated is not believed for longer than that', async (freddy) => {
  const { verifier } = await resourceOf(freddy)
  const ada = await keyOwner(freddy)
  const { key, id } = (await ada.make()).body
  assert.equal(await outcomeOf(verifier.verify(key)), ada.id)
  await ada.act(id, 'rotate', { overlap_days: 0 })
  freddy.pass(5 * SECOND)
  assert.equal(await outcomeOf(verifier.verify(key)), 'INVALID_API_KEY')

  const soon = (await ada.make({ expires_at: new Date(freddy.now() + 90_000).toISOString() })).body
  freddy.pass(60 * SECOND)
  assert.equal(await outcomeOf(verifier.verify(soon.key)), ada.id)
  freddy.pass(30 * SECOND)
  assert.equal(await outcomeOf(verifier.verify(soon.key)), 'INVALID_API_KEY', 'its time has come')
})

scene('a server that signs by HS256 is asked about tokens too', async (freddy) => {
  const { verifier, calls } = await resourceOf(freddy)
  const ada = await freddy.person('ada')
  const { token, refreshToken, device_id } = await freddy.signIn(ada)
  const principal = await verifier.verify(token, { scopes: ['responses'] })
  assert.ok(principal.kind === 'signed-in')
  assert.deepEqual([principal.userId, principal.sessionId], [ada.id, device_id])
  await verifier.verify(token)
  assert.deepEqual(calls, ['revocations', 'introspect'])
  for (const none of [refreshToken, `${token.slice(0, -4)}AAAA`, 'nothing of ours']) {
    assert.equal(await outcomeOf(verifier.verify(none)), 'TOKEN_INVALID')
  }
  await freddy.ask('POST /v1/auth/logout', { token })
  freddy.pass(5 * SECOND)
  assert.equal(await outcomeOf(verifier.verify(token)), 'TOKEN_INVALID')
  const another = await freddy.signIn(ada)
  const foreign = await resourceOf(freddy, { issuer: 'https://other.example.com' })
  assert.equal(await outcomeOf(foreign.verifier.verify(another.token)), 'TOKEN_INVALID')
  const elsewhere = await resourceOf(freddy, { audience: 'other-api' })
  assert.equal(await outcomeOf(elsewhere.verifier.verify(another.token)), 'TOKEN_INVALID')
  assert.equal(await outcomeOf(verifier.verify(another.token)), ada.id)
})

scene(
  'who has not heard for a minute knows nothing, and then asks; when nobody answers it is 503',
  async (freddy, context) => {
    let feed: 'heard' | 'lost' | 'away' = 'heard'
    const { verifier, problems } = await resourceOf(freddy, {
      fetch: async (input, init) => {
        if (feed === 'away' || (feed === 'lost' && String(input).includes('revocations'))) {
          throw new TypeError('fetch failed')
        }
        return fetch(input, init)
      },
    })
    context.after(() => assert.doesNotMatch(inspect(problems), /ak_|eyJ/))
    const ada = await keyOwner(freddy)
    const { key } = (await ada.make()).body
    const both = () => Promise.all([ada.token, key].map((each) => outcomeOf(verifier.verify(each))))
    assert.deepEqual(await both(), [ada.id, ada.id])
    feed = 'away'
    freddy.pass(59 * SECOND)
    assert.deepEqual(await both(), [ada.id, ada.id])
    freddy.pass(2 * SECOND)
    assert.deepEqual(await both(), ['SERVICE_UNAVAILABLE', 'SERVICE_UNAVAILABLE'])
    assert.ok(problems.length > 0)
    feed = 'lost'
    assert.deepEqual(await both(), [ada.id, ada.id], 'it asks about each')
    await freddy.ask('POST /v1/auth/logout', { token: ada.token })
    assert.deepEqual(await both(), ['TOKEN_INVALID', ada.id])
    feed = 'away'
    assert.deepEqual(await both(), ['SERVICE_UNAVAILABLE', 'SERVICE_UNAVAILABLE'], 'nor remembers')
    feed = 'heard'
    freddy.pass(5 * SECOND)
    assert.deepEqual(await both(), ['TOKEN_INVALID', ada.id])
  },
  eddsa,
)

scene('a verifier whose own key opens nothing says so, and lets nobody in', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { key } = (await ada.make()).body
  const { verifier, problems } = await resourceOf(freddy, { apiKey: key })
  await assert.rejects(verifier.listen(), { code: 'INSUFFICIENT_PERMISSIONS' })
  assert.equal(await outcomeOf(verifier.verify(key)), 'SERVICE_UNAVAILABLE')
  assert.match(inspect(problems), /INSUFFICIENT_PERMISSIONS/)
})

/** A token of this head and these claims, signed by whatever is given. */
function forge(head: object, claims: object, signer: (text: string) => string): string {
  const part = (fields: object) => Buffer.from(JSON.stringify(fields)).toString('base64url')
  const text = `${part(head)}.${part(claims)}`
  return `${text}.${signer(text)}`
}

/** The same bytes, with another letter at the end. */
function respelt(token: string): string {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return token.slice(0, -1) + letters[letters.indexOf(token.slice(-1)) ^ 1]
}

/** What our own server would sign, and what it would sign by. */
async function genuine(freddy: Freddy) {
  const { token, refreshToken } = await freddy.signIn(await freddy.person('ada'))
  const [head = {}, claims = {}] = token
    .split('.')
    .slice(0, 2)
    .map((part: string) => JSON.parse(Buffer.from(part, 'base64url').toString()))
  const pair = freddy.running.app.signingKeys.current ?? assert.fail()
  return { token: String(token), refreshToken: String(refreshToken), head, claims, pair }
}

scene(
  'attack 073, 074: a forged token, one of another kind or for another server lets nobody in',
  async (freddy) => {
    const { verifier, calls } = await resourceOf(freddy)
    const { token, refreshToken, head, claims, pair } = await genuine(freddy)
    assert.match(await outcomeOf(verifier.verify(token)), /^usr_/)
    const ours = (changed: object, of = head) => forge(of, { ...claims, ...changed }, pair.sign)
    assert.match(await outcomeOf(verifier.verify(ours({}))), /^usr_/, 'the tool itself is right')
    const stranger = generateKeyPairSync('ed25519').privateKey
    const theirs = (text: string) => sign(null, Buffer.from(text), stranger).toString('base64url')
    const publicText = JSON.stringify(pair.publicKey)
    const hmac = (text: string) => createHmac('sha256', publicText).update(text).digest('base64url')
    const now = Math.floor(freddy.now() / 1000)
    const forged = {
      'no algorithm': forge({ ...head, alg: 'none' }, claims, () => ''),
      'no algorithm, and a signature': forge({ ...head, alg: 'none' }, claims, pair.sign),
      'the public key as a secret': forge({ ...head, alg: 'HS256' }, claims, hmac),
      'another algorithm than the key is for': forge({ ...head, alg: 'ES256' }, claims, pair.sign),
      'an algorithm named like a member of objects': forge(
        { ...head, alg: 'constructor' },
        claims,
        pair.sign,
      ),
      'a key of theirs under our name': forge(head, claims, theirs),
      'a key that nobody knows': forge({ ...head, kid: 'x' }, claims, theirs),
      'no key': forge({ alg: 'EdDSA', typ: 'at+jwt' }, claims, pair.sign),
      'another kind': ours({}, { ...head, typ: 'rt+jwt' }),
      'any kind': ours({}, { ...head, typ: 'JWT' }),
      'what must be understood': ours({}, { ...head, crit: ['exp'] }),
      'another issuer': ours({ iss: 'https://evil.example.com' }),
      'no issuer': ours({ iss: undefined }),
      'for another server': ours({ aud: 'other-api' }),
      'for other servers': ours({ aud: ['other-api'] }),
      'from tomorrow': ours({ iat: now + 60 }),
      'not yet': ours({ nbf: now + 60 }),
      'no end': ours({ exp: undefined }),
      'an end that is no number': ours({ exp: '9999999999' }),
      'no session': ours({ sid: '' }),
      'another payload': token.replace(/\.([\w-]+)\./, (_, part) => `.${part.slice(0, -2)}AA.`),
      'another spelling': `${token}=`,
      'bits that nobody reads': respelt(token),
      'a part more': `${token}.x`,
      'no signature': token.slice(0, token.lastIndexOf('.') + 1),
      'too long': `${token}${'A'.repeat(4096)}`,
      'a refresh token': refreshToken,
      'an array': forge([] as object, claims, pair.sign),
      'no JSON': `${Buffer.from('{').toString('base64url')}.e30.AA`,
    }
    for (const [name, text] of Object.entries(forged)) {
      assert.equal(await outcomeOf(verifier.verify(text)), 'TOKEN_INVALID', name)
    }
    assert.equal(calls.filter((call) => call === 'jwks.json').length, 1, 'asked once in a while')
    assert.equal(await outcomeOf(verifier.verify(ours({ exp: now - 31 }))), 'TOKEN_EXPIRED')
    assert.match(await outcomeOf(verifier.verify(ours({ aud: ['x', 'freddy-api'] }))), /^usr_/)
  },
  eddsa,
)

scene(
  'a key pair that came into use meanwhile is known, and whoever stood by is not asked for',
  async (freddy) => {
    const { verifier, calls } = await resourceOf(freddy)
    const ada = await freddy.person('ada')
    const { token } = await freddy.signIn(ada)
    await verifier.verify(token)
    const sets = () => calls.filter((call) => call === 'jwks.json').length
    const { app } = freddy.running
    const standby = app.signingKeys.all.find(({ id }) => id !== app.signingKeys.current?.id)
    const [, payload = ''] = token.split('.')
    const claims = JSON.parse(Buffer.from(payload, 'base64url').toString())
    const head = { alg: 'EdDSA', typ: 'at+jwt', kid: standby?.id }
    const next = forge(head, claims, (text) => standby?.sign(text) ?? '')
    assert.equal(await outcomeOf(verifier.verify(next)), ada.id)
    assert.equal(sets(), 1)
    await freddy.database.write('DELETE FROM signing_keys')
    await app.signingKeys.renew(freddy.now())
    const { token: fresh } = await freddy.signIn(await freddy.person('bob'))
    assert.equal(await outcomeOf(verifier.verify(fresh)), 'TOKEN_INVALID', 'asked a moment ago')
    freddy.pass(10 * SECOND)
    assert.match(await outcomeOf(verifier.verify(fresh)), /^usr_/)
    assert.equal(
      await outcomeOf(verifier.verify(token)),
      'TOKEN_INVALID',
      'its key is shown no more',
    )
  },
  eddsa,
)

test('a server that was never reached is 503, for tokens and keys alike', async () => {
  const verifier = new Verifier({ baseUrl: 'http://127.0.0.1:9/v1', apiKey: 'x', issuer: ISSUER })
  const part = (fields: object) => Buffer.from(JSON.stringify(fields)).toString('base64url')
  const head = { alg: 'EdDSA', typ: 'at+jwt', kid: 'x' }
  for (const text of [`${part(head)}.e30.AA`, `ak_${'0'.repeat(38)}`]) {
    await assert.rejects(verifier.verify(text), (error) => {
      assert.ok(error instanceof RefusedError)
      assert.deepEqual([error.code, error.retryAfter], ['SERVICE_UNAVAILABLE', 5])
      return true
    })
  }
  assert.doesNotMatch(inspect(verifier, { depth: 9, showHidden: true }), /apiKey/)
})

test('each refusal is one of the server, with its status and its sentence', () => {
  const codes = [
    'AMBIGUOUS_CREDENTIALS',
    'AUTHENTICATION_REQUIRED',
    'TOKEN_EXPIRED',
    'TOKEN_INVALID',
    'INVALID_API_KEY',
    'INSUFFICIENT_PERMISSIONS',
    'SERVICE_UNAVAILABLE',
  ] as const
  for (const code of codes) {
    const { status, message } = new RefusedError(code)
    assert.deepEqual([status, message], [...errors[code]], code)
  }
})

for (const alg of ['EdDSA', 'HS256']) {
  scene(
    `whoever follows hears of an end at once, and asks for nothing meanwhile (${alg})`,
    async (freddy) => {
      const { app } = freddy.running
      const { verifier, calls, problems } = await resourceOf(freddy)
      const ada = await keyOwner(freddy)
      const { key, id } = (await ada.make()).body
      assert.equal(await outcomeOf(verifier.verify(ada.token)), ada.id)
      assert.equal(await outcomeOf(verifier.verify(key)), ada.id)
      const before = calls.filter((call) => call === 'revocations').length
      const over = new AbortController()
      const following = verifier.follow(over.signal)
      const isHeard = async (credential: string, code: string) => {
        for (let round = 0; round < 500; round++) {
          if ((await outcomeOf(verifier.verify(credential))) === code) return
          await app.feed.look()
          await new Promise((resolve) => setTimeout(resolve, 10))
        }
        assert.fail(`${code} was not heard: ${problems.map(String).join()}`)
      }
      await ada.revoke(id)
      await isHeard(key, 'INVALID_API_KEY')
      await freddy.ask('POST /v1/auth/logout', { token: ada.token })
      await isHeard(ada.token, 'TOKEN_INVALID')
      assert.equal(calls.filter((call) => call === 'revocations').length, before + 1)
      over.abort()
      await following
      assert.deepEqual(problems, [])
      freddy.pass(5 * SECOND)
      await outcomeOf(verifier.verify(ada.token))
      assert.equal(calls.filter((call) => call === 'revocations').length, before + 2)
    },
    { env: { JWT_ALG: alg } },
  )
}
