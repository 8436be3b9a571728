import assert from 'node:assert/strict'
import { createHmac, createPublicKey, type KeyObject } from 'node:crypto'
import { test } from 'node:test'
import { createLocalJWKSet, createRemoteJWKSet, type JWK, jwtVerify } from 'jose'
import { allowed } from '../src/auth/audit.ts'
import { type Algorithm, algorithms, makeKeyPair, openKeyPair } from '../src/auth/key-pair.ts'
import { createKeyring } from '../src/auth/keyring.ts'
import { createSigningKeys, rotatePair } from '../src/auth/signing-keys.ts'
import { createTokens } from '../src/auth/token.ts'
import { migrate } from '../src/store/migrate.ts'
import { createStore } from '../src/store/store.ts'
import { databases, type Place } from './databases.ts'
import { DAY, type Freddy, HOUR, MINUTE, SECRET, scene, startFreddy } from './freddy.ts'
import { shellBeside } from './shell.ts'

const NOW = Date.UTC(2026, 10, 23, 12)
const seconds = NOW / 1000
const rules = {
  issuer: 'freddy-auth',
  audience: 'freddy-api',
  longest: { access: 86_400, refresh: 2_592_000 },
}
const keyring = createKeyring([SECRET])
const claims = { sub: 'usr_1', sid: 'ses_1', jti: 'a', iat: seconds, exp: seconds + 86_400 }
const ours = { iss: 'freddy-auth', aud: 'freddy-api', ...claims }
const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

async function pairOf(alg: Algorithm) {
  const { id, secret } = await makeKeyPair(alg)
  const pair = (await openKeyPair({ id, alg }, secret)) ?? assert.fail()
  const tokens = createTokens({ keyring, signingKeys: { current: pair, all: [pair] }, ...rules })
  const refuses = (token: string, why = '') =>
    assert.throws(
      () => tokens.check('access', token, NOW),
      { code: 'TOKEN_INVALID' },
      `${alg} ${why}`,
    )
  const header = { alg, typ: 'at+jwt', kid: id }
  /** Any header and claims, signed as they should be. */
  const forge = (head: object, payload: unknown) => {
    const text = `${base64(head)}.${base64(payload)}`
    return `${text}.${pair.sign(text)}`
  }
  return { pair, secret, tokens, refuses, header, forge }
}

/** Every way to spell a public key, as bytes that somebody may take for a secret. */
function spellings(jwk: JWK): (string | Buffer)[] {
  const key: KeyObject = createPublicKey({ key: jwk as never, format: 'jwk' })
  const pem = String(key.export({ type: 'spki', format: 'pem' }))
  const der = key.export({ type: 'spki', format: 'der' })
  const raw = Buffer.from(jwk.x ?? jwk.n ?? '', 'base64url')
  return [pem, pem.trim(), der, raw, JSON.stringify(jwk), String(jwk.x ?? jwk.n), '']
}

for (const alg of algorithms) {
  test(`${alg}: a token of ours says what it was made for, to us and to jose`, async () => {
    const { pair, tokens, forge, header } = await pairOf(alg)
    const token = tokens.sign('access', claims)
    assert.deepEqual(tokens.check('access', token, NOW), ours)
    assert.deepEqual(tokens.check('access', forge(header, ours), NOW), ours)
    assert.ok(token.length < 1024, `${token.length}`)
    const keys = createLocalJWKSet({ keys: [{ ...pair.publicKey }] })
    const expected = { issuer: rules.issuer, audience: rules.audience, typ: 'at+jwt' }
    const { payload, protectedHeader } = await jwtVerify(token, keys, {
      ...expected,
      algorithms: [alg],
      currentDate: new Date(NOW),
    })
    assert.deepEqual(payload, ours)
    assert.deepEqual(protectedHeader, header)
    const refresh = { ...claims, exp: seconds + 2_592_000 }
    const [first = ''] = tokens.sign('refresh', refresh).split('.')
    assert.equal(JSON.parse(Buffer.from(first, 'base64url').toString()).alg, 'HS256')
  })

  test(`attack 073: ${alg}: no other algorithm, and none, is ever accepted`, async () => {
    const { refuses, header, forge, tokens } = await pairOf(alg)
    const others = ['none', 'None', 'nOnE', 'HS256', 'HS512', 'PS256', 'ES384', 'EdDSA', 'ES256']
    for (const other of [...others, 'RS256', ['none'], null, undefined]) {
      if (other !== alg) refuses(forge({ ...header, alg: other }, ours), String(other))
    }
    const [head, payload] = tokens.sign('access', claims).split('.')
    for (const token of [`${head}.${payload}.`, `${head}.${payload}`, `${head}..`, '..'])
      refuses(token, token.slice(-4))
    const zero = Buffer.alloc(64).toString('base64url')
    refuses(`${head}.${payload}.${zero}`, 'a signature of zeros')
  })

  test(`attack 074: ${alg}: the public key is no secret to sign with`, async () => {
    const { pair, refuses, header, forge } = await pairOf(alg)
    const theirs = { alg: 'HS256', typ: 'at+jwt' }
    for (const kid of [pair.id, keyring.current.id, undefined]) {
      for (const head of [
        { ...theirs, kid },
        { ...header, kid },
      ]) {
        const text = `${base64(head)}.${base64(ours)}`
        for (const secret of spellings({ ...pair.publicKey })) {
          const mac = createHmac('sha256', secret).update(text).digest('base64url')
          refuses(`${text}.${mac}`, `${head.alg} ${kid}`)
        }
      }
    }
    const jwk = pair.publicKey
    refuses(forge({ ...header, jwk }, ours), 'a key of its own')
    refuses(forge({ alg, kid: pair.id, typ: 'at+jwt' }, ours), 'another order')
    refuses(forge({ ...header, crit: ['b64'], b64: false }, ours), 'crit')
    const stranger = await pairOf(alg)
    refuses(stranger.forge(header, ours), 'the key of a stranger')
    refuses(stranger.forge(stranger.header, ours), 'a kid of a stranger')
  })

  test(`attack 075: ${alg}: a changed character anywhere is noticed`, async () => {
    const { tokens, refuses } = await pairOf(alg)
    const token = tokens.sign('access', claims)
    // The last one too: base64url leaves bits there that no decoder reads.
    const places = [...Array(token.length).keys()].filter((at) => at % 3 === 0)
    for (const place of [...places, token.length - 1]) {
      for (const other of ['A', 'B', 'g', 'Q'].filter((each) => each !== token[place]).slice(0, 2))
        refuses(token.slice(0, place) + other + token.slice(place + 1), `${place}`)
    }
    for (const odd of [`${token}=`, `${token} `, `${token}.`, ` ${token}`]) refuses(odd, 'odd')
  })

  test(`attack 076, 077, 078: ${alg}: claims, kind and times are ours`, async () => {
    const { tokens, refuses, header, forge } = await pairOf(alg)
    const changes = [
      { iss: 'evil' },
      { aud: ['freddy-api'] },
      { sub: undefined },
      { scope: 'admin' },
      { exp: seconds + 86_401 },
      { iat: seconds + 600, exp: seconds + 700 },
      { exp: String(seconds + 60) },
    ]
    for (const change of changes)
      refuses(forge(header, { ...ours, ...change }), JSON.stringify(change))
    refuses(forge({ ...header, typ: 'rt+jwt' }, ours))
    refuses(forge({ ...header, typ: 'JWT' }, ours))
    for (const token of [tokens.sign('access', claims), forge({ ...header, typ: 'rt+jwt' }, ours)])
      assert.throws(() => tokens.check('refresh', token, NOW), { code: 'TOKEN_INVALID' })
    const token = tokens.sign('access', claims)
    assert.throws(() => tokens.check('access', token, (claims.exp + 31) * 1000), {
      code: 'TOKEN_EXPIRED',
    })
  })
}

test('attack 081: an oversized token of a pair is refused before it is read', async () => {
  const { tokens, refuses } = await pairOf('EdDSA')
  refuses(`${tokens.sign('access', claims)}${'A'.repeat(4096)}`)
})

test('a pair is opened as what it was made for, or not at all', async () => {
  const { id, secret } = await makeKeyPair('ES256')
  assert.equal(await openKeyPair({ id: 'another', alg: 'ES256' }, secret), null)
  assert.equal(await openKeyPair({ id, alg: 'EdDSA' }, secret), null)
  assert.equal(await openKeyPair({ id, alg: 'HS256' }, secret), null)
  const members = Object.keys((await openKeyPair({ id, alg: 'ES256' }, secret))?.publicKey ?? {})
  assert.deepEqual(members.sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
})

const keysOf = async (freddy: Pick<Freddy, 'ask'>) =>
  (await freddy.ask('GET /.well-known/jwks.json')).body.keys as JWK[]
const kidOf = (token: string) =>
  JSON.parse(Buffer.from(token.split('.')[0] ?? '', 'base64url').toString()).kid as string
const opens = async (freddy: Pick<Freddy, 'ask'>, token: string) =>
  (await freddy.ask('GET /v1/auth/validate', { token })).status

function rotate(freddy: Pick<Freddy, 'running' | 'now'>, algorithm: Algorithm = 'EdDSA') {
  const { app } = freddy.running
  const parts = { store: app.store.signingKeys, keyring: app.keyring, algorithm }
  const origin = { address: 'shell', source: 'shell', network: null, agent: 'freddy-auth' }
  return rotatePair(parts, allowed({ now: freddy.now(), origin }, 'signing_key.rotated'))
}

scene('without a pair there are no public keys to look at', async (freddy) => {
  assert.equal((await freddy.ask('GET /.well-known/jwks.json')).status, 404)
})

scene(
  'a stranger verifies a token by the public keys alone, and nothing private is shown or stored',
  async (freddy, context) => {
    const { token, refreshToken } = await freddy.signIn(await freddy.person('ada'))
    await freddy.running.http.listen({ port: 0, host: '127.0.0.1' })
    const { port } = freddy.running.http.server.address() as { port: number }
    context.after(() => freddy.running.http.server.closeAllConnections())
    const answer = await freddy.ask('GET /.well-known/jwks.json')
    assert.equal(answer.headers['cache-control'], 'public, max-age=300')
    for (const key of answer.body.keys) {
      assert.deepEqual(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x'])
    }
    assert.equal(answer.body.keys.length, 2, 'the current one and the next')

    const url = new URL(`http://127.0.0.1:${port}/.well-known/jwks.json`)
    const keys = createRemoteJWKSet(url)
    const expected = {
      issuer: 'https://auth.example.com',
      audience: 'freddy-api',
      typ: 'at+jwt',
      currentDate: new Date(freddy.now()),
    }
    const { payload } = await jwtVerify(token, keys, expected)
    assert.match(String(payload.sid), /^ses_/)
    await assert.rejects(jwtVerify(refreshToken, keys, expected))

    const [row] = await freddy.database.read<{ sealed: string }>('SELECT sealed FROM signing_keys')
    const sealed = Buffer.from(String(row?.sealed.split('.')[1]), 'base64url')
    assert.doesNotMatch(sealed.toString('latin1'), /"d"|kty|OKP/)
  },
  { env: { JWT_ALG: 'EdDSA' } },
)

scene(
  'F37: a rotation signs nobody out: the standby takes over, and the former key verifies as long as its tokens live',
  async (freddy) => {
    const ada = await freddy.person('ada')
    const before = await freddy.signIn(ada)
    const [, standby] = await keysOf(freddy)
    assert.equal(await rotate(freddy), 'too young')
    freddy.pass(10 * MINUTE)
    const both = await Promise.all([rotate(freddy), rotate(freddy)])
    assert.deepEqual(both.sort(), ['rotated', 'too young'], 'of two at once one does it')
    await freddy.running.app.signingKeys.renew(freddy.now())
    const events = await freddy.database.read<{ subject_id: string }>(
      `SELECT subject_id FROM audit_events WHERE event = 'signing_key.rotated'`,
    )
    assert.deepEqual(
      events.map(({ subject_id }) => subject_id),
      [standby?.kid],
    )

    const after = await freddy.ask('POST /v1/auth/refresh', {
      body: { refresh_token: before.refreshToken },
    })
    assert.equal(kidOf(after.body.token), standby?.kid, 'what was known beforehand signs now')
    assert.notEqual(kidOf(before.token), kidOf(after.body.token))
    for (const token of [before.token, after.body.token])
      assert.equal(await opens(freddy, token), 200)
    const shown = (await keysOf(freddy)).map(({ kid }) => kid)
    assert.equal(shown.length, 3)
    assert.ok(shown.includes(kidOf(before.token)))

    freddy.pass(DAY + HOUR)
    await freddy.running.app.signingKeys.renew(freddy.now())
    const left = (await keysOf(freddy)).map(({ kid }) => kid)
    assert.equal(left.length, 2)
    assert.equal(left.includes(kidOf(before.token)), false)
    const { app } = freddy.running
    freddy.pass(2 * DAY)
    await app.store.sweep.expired(freddy.now(), app.config)
    assert.equal((await freddy.database.read('SELECT id FROM signing_keys')).length, 2)
  },
  { env: { JWT_ALG: 'EdDSA' } },
)

/** Servers on one database, one after the other or at once, each with its own settings. */
function onEach(
  name: string,
  tell: (
    start: (env: Record<string, string>) => Promise<Omit<Freddy, 'database'>>,
    place: Place,
  ) => Promise<void>,
): void {
  for (const { name: engine, open } of databases) {
    test(`${name} (${engine})`, async () => {
      const place = await open()
      const started: Omit<Freddy, 'database'>[] = []
      try {
        await tell(async (env) => {
          const freddy = await startFreddy(place.url, engine, { env })
          started.push(freddy)
          return freddy
        }, place)
      } finally {
        for (const { running, mail } of started) {
          await running.close()
          await mail.close()
        }
        await place.drop()
      }
    })
  }
}

onEach('JWT_ALG changes from HS256 to a pair and back, and signs nobody out', async (start) => {
  const plain = await start({})
  const ada = await plain.person('ada')
  const first = await plain.signIn(ada)
  const paired = await start({ JWT_ALG: 'EdDSA' })
  const second = await paired.signIn(ada)
  assert.equal(await opens(paired, first.token), 200)
  assert.notEqual(kidOf(first.token), kidOf(second.token))
  const other = await start({ JWT_ALG: 'ES256' })
  const third = await other.signIn(ada)
  const back = await start({})
  for (const { token, refreshToken } of [first, second, third]) {
    for (const server of [other, back]) {
      assert.equal(await opens(server, token), 200)
      const body = { refresh_token: refreshToken }
      assert.equal((await server.ask('POST /v1/auth/refresh', { body })).status, 200)
    }
  }
  assert.equal(kidOf((await back.signIn(ada)).token), kidOf(first.token))
  assert.equal(
    (await keysOf(back)).some(({ kid }) => kid === kidOf(second.token)),
    true,
  )
})

onEach('servers that start at once share one pair, and one standby', async (start) => {
  const servers = await Promise.all([1, 2, 3].map(() => start({ JWT_ALG: 'EdDSA' })))
  const shown = await Promise.all(servers.map(keysOf))
  assert.equal(shown[0]?.length, 2)
  for (const keys of shown) assert.deepEqual(keys, shown[0])
  const [one, two] = servers
  assert.ok(one && two)
  const { token } = await one.signIn(await one.person('ada'))
  assert.equal(await opens(two, token), 200)
})

onEach(
  'a new secret seals the pair anew, so that it outlives the one that it was made under',
  async (start, place) => {
    const next = `next-${SECRET}`
    const rows = () =>
      place.database.read<{ id: string; sealed: string }>('SELECT * FROM signing_keys')
    const env = { JWT_ALG: 'EdDSA' }
    const before = await start(env)
    const ada = await before.person('ada')
    const { token } = await before.signIn(ada)
    const ids = (await rows()).map(({ id }) => id)
    const during = await start({ ...env, SECRET_KEY: `${next} ${SECRET}` })
    assert.equal(await opens(during, token), 200)
    for (const { sealed } of await rows()) {
      assert.ok(sealed.startsWith(`${createKeyring([next]).current.id}.`))
    }
    // A server that still knows the old secret alone goes on.
    await before.running.app.signingKeys.renew(before.now())
    assert.equal(await opens(before, (await before.signIn(ada)).token), 200)
    const after = await start({ ...env, SECRET_KEY: next })
    assert.equal(
      await opens(after, token),
      200,
      'the pair outlives the secret that it was made under',
    )
    assert.deepEqual(
      (await rows()).map(({ id }) => id),
      ids,
    )
  },
)

onEach('a row that somebody wrote into the database verifies nothing', async (start, place) => {
  const mallory = await makeKeyPair('EdDSA')
  const pair =
    (await openKeyPair({ id: mallory.id, alg: 'EdDSA' }, mallory.secret)) ?? assert.fail()
  const freddy = await start({ JWT_ALG: 'EdDSA' })
  const { token } = await freddy.signIn(await freddy.person('ada'))
  const [, payload] = String(token).split('.')
  const text = `${base64({ alg: 'EdDSA', typ: 'at+jwt', kid: mallory.id })}.${payload}`
  const forged = `${text}.${pair.sign(text)}`
  const [genuine] = await place.database.read<{ sealed: string }>('SELECT sealed FROM signing_keys')
  for (const sealed of [mallory.secret, `${keyring.current.id}.AAAA`, String(genuine?.sealed)]) {
    await place.database.write(
      `INSERT INTO signing_keys (id, alg, sealed, created_at, current_since, retired_at)
       VALUES (:id, 'EdDSA', :sealed, 1, 1, :retired)`,
      { id: mallory.id, sealed, retired: freddy.now() },
    )
    const { app } = freddy.running
    await app.signingKeys.renew(freddy.now())
    assert.equal(await opens(freddy, forged), 401)
    assert.equal(await opens(freddy, token), 200)
    assert.equal((await keysOf(freddy)).length, 2)
    await place.database.write('DELETE FROM signing_keys WHERE id = :id', { id: mallory.id })
  }
  const store = createStore(place.database)
  const mine = createSigningKeys({ store: store.signingKeys, keyring, algorithm: 'EdDSA' })
  await mine.begin(freddy.now())
  assert.equal(mine.all.length, 2)
})

scene(
  'the operator rotates the pair in the shell, once everybody knows the next',
  async (freddy) => {
    const shell = (words: string, JWT_ALG = 'EdDSA') =>
      shellBeside(freddy, words.split(' '), { env: { JWT_ALG } })
    const made = (at: number) =>
      freddy.database.write('UPDATE signing_keys SET created_at = :at', { at })
    const [current, standby] = await keysOf(freddy)
    await made(Number.MAX_SAFE_INTEGER)
    const early = shell('secret rotate --pair-only')
    assert.equal(early.status, 1)
    assert.match(early.stderr, /younger than ten minutes/)
    await made(1)
    const rotated = shell('secret rotate --pair-only --json')
    assert.equal(rotated.status, 0, rotated.text)
    assert.deepEqual(JSON.parse(rotated.stdout), { pair: 'rotated' })
    const { app } = freddy.running
    await app.signingKeys.renew(freddy.now())
    assert.equal(app.signingKeys.current?.id, standby?.kid)
    assert.equal((await keysOf(freddy)).at(-1)?.kid, current?.kid)
    const plain = shell('secret rotate --pair-only', 'HS256')
    assert.equal(plain.status, 1)
    assert.match(plain.stderr, /no key pair/)
  },
  { env: { JWT_ALG: 'EdDSA' } },
)

onEach(
  'a restore brings no pair back: one may have been replaced because it was stolen',
  async (start, place) => {
    const freddy = await start({ JWT_ALG: 'EdDSA' })
    const snapshot = await createStore(place.database).backup.snapshot()
    assert.ok(snapshot.rows.some(([table]) => table === 'signing_keys'))
    const other = await databases[0].open()
    await migrate(other.database)
    try {
      const origin = { address: 'shell', source: 'shell', network: null, agent: 'freddy-auth' }
      const event = allowed({ now: freddy.now(), origin }, 'backup.restored')
      assert.equal(await createStore(other.database).backup.restore(snapshot, event), 'restored')
      assert.deepEqual(await other.database.read('SELECT id FROM signing_keys'), [])
    } finally {
      await other.drop()
    }
  },
)
