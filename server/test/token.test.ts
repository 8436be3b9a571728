import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { hmacSha256 } from '../src/auth/hmac.ts'
import { createKeyring, keyedHash } from '../src/auth/keyring.ts'
import { createTokens } from '../src/auth/token.ts'
import { SECRET } from './freddy.ts'

const NOW = Date.UTC(2026, 10, 23, 12)
const seconds = NOW / 1000
const keyring = createKeyring([SECRET])
const rules = {
  issuer: 'freddy-auth',
  audience: 'freddy-api',
  signingKeys: { current: null, all: [] },
  longest: { access: 86_400, refresh: 2_592_000 },
}
const tokens = createTokens({ keyring, ...rules })
const claims = { sub: 'usr_1', sid: 'ses_1', jti: 'a', iat: seconds, exp: seconds + 86_400 }

/** A token with any header and claims, signed with the right key of its kind. */
function forge(header: object, payload: unknown, kind: 'access' | 'refresh' = 'access'): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const text = `${part(header)}.${part(payload)}`
  return `${text}.${createHmac('sha256', keyring.current.of[kind]).update(text).digest('base64url')}`
}

const ourHeader = { alg: 'HS256', typ: 'at+jwt', kid: keyring.current.id }
const ours = { iss: 'freddy-auth', aud: 'freddy-api', ...claims }
const refuses = (token: string, now = NOW) =>
  assert.throws(
    () => tokens.check('access', token, now),
    { code: 'TOKEN_INVALID' },
    token.slice(0, 80),
  )

test('HMAC-SHA-256 answers the vectors of RFC 4231', () => {
  const vectors = [
    [
      Buffer.alloc(20, 0x0b),
      'Hi There',
      'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7',
    ],
    [
      Buffer.from('Jefe'),
      'what do ya want for nothing?',
      '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843',
    ],
    [
      Buffer.alloc(131, 0xaa),
      'Test Using Larger Than Block-Size Key - Hash Key First',
      '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54',
    ],
  ] as const
  for (const [key, text, expected] of vectors) {
    assert.equal(Buffer.from(hmacSha256(key)(text), 'base64url').toString('hex'), expected)
  }
})

test('HMAC-SHA-256 agrees with the one of Node for any key and text', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 1, maxLength: 200 }),
      fc.string({ maxLength: 300, unit: 'binary' }),
      // One after the other through the same key, long ones too: nothing of a text may be left for the next.
      fc.nat({ max: 40 }),
      (key, text, times) => {
        const mac = hmacSha256(Buffer.from(key))
        for (const each of [text.repeat(times), text, '']) {
          assert.equal(mac(each), createHmac('sha256', key).update(each).digest('base64url'))
        }
      },
    ),
  )
})

test('what is kept under a keyed hash is found again by its parts, and by no others', () => {
  const key = keyring.current.of.challenge
  const parts = ['one', 'zwei €', '']
  const mac = createHmac('sha256', key)
  for (const part of parts) mac.update(`${Buffer.byteLength(part)}:${part}`)
  assert.equal(keyedHash(key, ...parts), mac.digest('base64url'))
  assert.notEqual(keyedHash(key, 'on', 'e'), keyedHash(key, 'one'))
  assert.notEqual(keyedHash(keyring.current.of.session, ...parts), keyedHash(key, ...parts))
})

test('a token of ours says what it was made for', () => {
  assert.deepEqual(tokens.check('access', tokens.sign('access', claims), NOW), ours)
  assert.deepEqual(tokens.check('access', forge(ourHeader, ours), NOW), ours)
})

test('attack 073: no other algorithm, and none, is ever accepted', () => {
  for (const alg of [
    'none',
    'None',
    'nOnE',
    'HS384',
    'HS512',
    'RS256',
    'ES256',
    'EdDSA',
    ['none'],
    null,
    undefined,
  ]) {
    refuses(forge({ ...ourHeader, alg }, ours))
  }
  const [header, payload] = tokens.sign('access', claims).split('.')
  for (const token of [
    `${header}.${payload}.`,
    `${header}.${payload}`,
    `${header}`,
    '..',
    '',
    'a.b.c.d.e',
  ])
    refuses(token)
})

test('attack 074: a header is ours byte for byte or it is not ours', () => {
  refuses(forge({ typ: 'at+jwt', alg: 'HS256', kid: keyring.current.id }, ours))
  refuses(forge({ ...ourHeader, crit: ['b64'], b64: false }, ours))
  refuses(forge({ ...ourHeader, jwk: {} }, ours))
  refuses(forge({ ...ourHeader, kid: 'other' }, ours))
})

test('attack 075: a changed character anywhere is noticed', () => {
  const token = tokens.sign('access', claims)
  for (let place = 0; place < token.length; place++) {
    const other = token[place] === 'A' ? 'B' : 'A'
    refuses(token.slice(0, place) + other + token.slice(place + 1))
  }
  for (const odd of [`${token}=`, `${token} `, ` ${token}`, `${token}.`, token.toUpperCase()])
    refuses(odd)
})

test('attack 076: issuer, audience and every claim are ours', () => {
  const odd = [
    { iss: 'evil' },
    { iss: ['freddy-auth'] },
    { iss: undefined },
    { aud: 'evil' },
    { aud: ['evil', 'freddy-api'] },
    { aud: undefined },
    { sub: undefined },
    { sub: '' },
    { sub: 7 },
    { sid: undefined },
    { jti: undefined },
    { exp: undefined },
    { iat: undefined },
    { nbf: seconds + 600 },
    { scope: 'admin' },
  ]
  for (const change of odd) refuses(forge(ourHeader, { ...ours, ...change }))
  for (const payload of [null, [], 'x', 7, {}]) refuses(forge(ourHeader, payload))
})

test('attack 077: a token of one kind is nothing at the door of the other', () => {
  const refresh = tokens.sign('refresh', { ...claims, exp: seconds + 2_592_000 })
  refuses(refresh)
  assert.throws(() => tokens.check('refresh', tokens.sign('access', claims), NOW), {
    code: 'TOKEN_INVALID',
  })
  refuses(forge({ ...ourHeader, typ: 'JWT' }, ours))
  refuses(forge(ourHeader, ours, 'refresh'))
})

test('attack 078: odd times are refused, and two clocks may differ by half a minute', () => {
  for (const exp of [
    seconds + 86_401,
    253_402_300_799,
    String(seconds + 60),
    seconds + 0.5,
    -1,
    Number.POSITIVE_INFINITY,
  ]) {
    refuses(forge(ourHeader, { ...ours, exp }))
  }
  refuses(forge(ourHeader, { ...ours, iat: seconds + 600, exp: seconds + 700 }))
  const token = tokens.sign('access', claims)
  assert.ok(tokens.check('access', token, NOW - 29_000))
  refuses(token, NOW - 31_000)
  assert.ok(tokens.check('access', token, (claims.exp + 29) * 1000))
  assert.throws(() => tokens.check('access', token, (claims.exp + 31) * 1000), {
    code: 'TOKEN_EXPIRED',
  })
})

test('attack 081: an oversized token is refused before it is read', () => {
  for (const token of [
    'a'.repeat(4097),
    '.'.repeat(100_000),
    `${tokens.sign('access', claims)}${'A'.repeat(4096)}`,
  ]) {
    refuses(token)
  }
})

test('what was signed under the secret before goes on proving itself', () => {
  const token = tokens.sign('access', claims)
  const next = `next-${SECRET}`
  const rotated = createTokens({ keyring: createKeyring([next, SECRET]), ...rules })
  assert.equal(rotated.check('access', token, NOW).sid, 'ses_1')
  const dropped = createTokens({ keyring: createKeyring([next]), ...rules })
  assert.throws(() => dropped.check('access', token, NOW), { code: 'TOKEN_INVALID' })
})

test('an access token says how its person signed in, and a refresh token does not', () => {
  const said = { ...claims, amr: ['pwd', 'email'] }
  assert.deepEqual(tokens.check('access', tokens.sign('access', said), NOW).amr, ['pwd', 'email'])
  for (const amr of [[], 'pwd', null, [1], {}]) refuses(forge(ourHeader, { ...ours, amr }))
  refuses(forge(ourHeader, { ...ours, amr: ['pwd'], nbf: seconds }))
  const refresh = tokens.sign('refresh', { ...said, exp: seconds + 60 })
  assert.throws(() => tokens.check('refresh', refresh, NOW), { code: 'TOKEN_INVALID' })
})
