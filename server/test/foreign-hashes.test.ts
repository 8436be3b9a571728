import assert from 'node:assert/strict'
import { pbkdf2Sync } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { hashSync } from 'bcryptjs'
import { sealForeignHash, standInFor } from '../src/auth/foreign-password.ts'
import { readForeignHash, refusalOf } from '../src/workers/foreign-hash.ts'
import { createHasher } from '../src/workers/hasher.ts'
import { aBcryptHash, FIREBASE, firebaseHash, foreignHashes } from './foreign-hashes.ts'
import { type Freddy, PASSWORD, type Person, scene } from './freddy.ts'

const WRONG = `${PASSWORD}s`

function hasherFor(context: TestContext) {
  const hasher = createHasher({ threads: 1 })
  context.after(() => hasher.close())
  return hasher
}

/** Somebody whose password another server hashed. */
async function newcomer(freddy: Freddy, name: string, hash: string): Promise<Person> {
  const person = await freddy.person(name)
  await setHash(freddy, person, sealForeignHash(freddy.running.app, hash))
  return person
}

async function setHash(freddy: Freddy, { id }: Person, hash: string | null): Promise<void> {
  const sql = 'UPDATE users SET password_hash = :hash WHERE id = :id'
  await freddy.database.write(sql, { hash, id })
}

const kept = async ({ running }: Freddy, { id }: Person) =>
  (await running.app.store.users.find(id))?.password_hash ?? ''

function pbkdf2Hash(digest: string, rounds: number, key: Buffer): string {
  const [salt, text] = [Buffer.from('sixteen'), key].map((bytes) =>
    bytes.toString('base64').replace(/=+$/, ''),
  )
  return `$pbkdf2-${digest}$i=${rounds}$${salt}$${text}`
}

test('a password is proven against what another server made of it', async (context) => {
  const hasher = hasherFor(context)
  for (const [name, hash] of Object.entries(foreignHashes)) {
    assert.equal(await hasher.verifyForeign(hash, PASSWORD), true, name)
    assert.equal(await hasher.verifyForeign(hash, WRONG), false, name)
    assert.equal(await hasher.verifyForeign(hash, ''), false, name)
  }
  const published = firebaseHash(FIREBASE.salt, FIREBASE.hash)
  assert.equal(await hasher.verifyForeign(published, FIREBASE.password), true)
})

test('a password is hashed as its server spelt it: letters of all kinds, and what better-auth composes', async (context) => {
  const hasher = hasherFor(context)
  const bcrypt = '$2b$04$CHMQI/cW80z7QePEVEjtfOuyAiPO.NZWV2UWuQM/Irr78nM8el.12'
  assert.equal(await hasher.verifyForeign(bcrypt, 'Zürich 🌊 passwört'), true)
  assert.equal(await hasher.verifyForeign(bcrypt, 'Zürich 🌊 passwort'), false)
  const composed =
    '$better-auth$8f14e45fceea167a5a36dedd4bea2543:ced3f49f704f0961cef5cd8f588026174d39ba47d70e636c002a9a77c0fc514495f4b559f693c3ee6a88e8fe509e2e3bdb24342cb7dfa8d40713fce8dbd33755'
  assert.equal(await hasher.verifyForeign(composed, 'ﬁne horse battery ① staple'), true)
  assert.equal(await hasher.verifyForeign(composed, 'fine horse battery 1 staple'), true)
  assert.equal(await hasher.verifyForeign(composed, 'fine horse battery 2 staple'), false)
})

test('attack 067: bcrypt reads 72 bytes, and a longer password matches none of its hashes', async (context) => {
  const hasher = hasherFor(context)
  const hash = '$2b$04$d9WOkwWy5tZwdvEiOVWACOU.UCxIWUZO5D7liYDpgH.lVB7XwGLJC'
  assert.equal(await hasher.verifyForeign(hash, 'x'.repeat(72)), true)
  assert.equal(await hasher.verifyForeign(hash, `${'x'.repeat(72)}y`), false)
  assert.equal(await hasher.verifyForeign(hash, 'x'.repeat(71)), false)
  const emoji = hashSync('🌊'.repeat(18), 4)
  assert.equal(await hasher.verifyForeign(emoji, '🌊'.repeat(18)), true)
  assert.equal(await hasher.verifyForeign(emoji, '🌊'.repeat(19)), false)
})

test('attack 072: a foreign hash that costs too much, or proves nothing, is refused and not run', async (context) => {
  const hasher = hasherFor(context)
  const of = (name: string) => foreignHashes[name] ?? assert.fail(name)
  const refused = {
    'too many rounds': aBcryptHash.replace('$04$', '$14$'),
    'too many iterations': of('PBKDF2, SHA-1').replace('i=1000', 'i=1500001'),
    'no iterations': of('PBKDF2, SHA-1').replace('i=1000', 'i=0'),
    'too many lanes of scrypt': of('scrypt').replace('p=1', 'p=129'),
    'too much memory': of('argon2id').replace('m=1024,t=2', 'm=262145,t=1'),
    'too many passes': of('argon2id').replace('t=2', 't=1025'),
    'too many lanes': of('argon2id').replace('p=1', 'p=17'),
    'less memory than argon2 takes': of('argon2id').replace('m=1024', 'm=7'),
    'no passes': of('argon2id').replace('t=2', 't=0'),
    'a key that is cut off': '$pbkdf2-sha256$i=1000$c2l4dGVlbg$Lik0aShxp',
    'a key that is too long': `$pbkdf2-sha256$i=1000$c2l4dGVlbg$${'A'.repeat(180)}`,
    'another signer key': of('Firebase').replace(/\$[^$]+$/, '$AAAAAAAAAAAAAAAAAAAAAA'),
  }
  for (const [name, hash] of Object.entries(refused)) {
    const read = readForeignHash(hash)
    assert.ok(read && refusalOf(read), name)
    assert.equal(await hasher.verifyForeign(hash, PASSWORD), false, name)
  }
})

test('attack 072: PBKDF2 runs its rounds for each block of the key, and all of them count', () => {
  const refusal = (digest: string, rounds: number, bytes: number) => {
    const read = readForeignHash(pbkdf2Hash(digest, rounds, Buffer.alloc(bytes)))
    return refusalOf(read ?? assert.fail(digest))
  }
  for (const [digest, most, bytes] of [
    ['sha1', 1_500_000, 20],
    ['sha1', 750_000, 21],
    ['sha1', 750_000, 40],
    ['sha256', 1_500_000, 32],
    ['sha256', 750_000, 64],
    ['sha512', 1_500_000, 64],
    ['sha512', 750_000, 128],
  ] as const) {
    assert.equal(refusal(digest, most, bytes), null, `${digest}, ${bytes} bytes`)
    assert.match(refusal(digest, most + 1, bytes) ?? '', /costs more/, `${digest}, ${bytes} bytes`)
  }
})

test('attack 072: a sign-in does not run PBKDF2 over more blocks than it may, right as the password is', async (context) => {
  const hasher = hasherFor(context)
  const rounds = 214_286
  const key = pbkdf2Sync(PASSWORD, 'sixteen', rounds, 128, 'sha1')
  assert.equal(await hasher.verifyForeign(pbkdf2Hash('sha1', rounds, key), PASSWORD), false)
  const short = pbkdf2Hash('sha1', rounds, key.subarray(0, 20))
  assert.equal(await hasher.verifyForeign(short, PASSWORD), true)
})

test('attack 072: scrypt that asks for more than 128 MiB is refused', () => {
  const cost = (logN: number, r: number) => {
    const hash = foreignHashes.scrypt?.replace('ln=10,r=8', `ln=${logN},r=${r}`) ?? ''
    const read = readForeignHash(hash)
    return read && refusalOf(read)
  }
  assert.equal(cost(17, 8), null)
  for (const [logN, r] of [
    [18, 8],
    [17, 9],
    [20, 2],
    [99, 8],
    [0, 8],
    [10, 0],
  ] as const) {
    assert.ok(cost(logN, r), `2^${logN}, ${r}`)
  }
})

test('attack 072: what only looks like a hash is none', async (context) => {
  const hasher = hasherFor(context)
  const odd = [
    aBcryptHash.replace('$2b$', '$2x$'),
    aBcryptHash.replace('$2b$', '$2$'),
    aBcryptHash.slice(0, -1),
    `${aBcryptHash} `,
    aBcryptHash.replace('iID1B', 'iID1+'),
    '$pbkdf2-sha256$i=1000$$Lik0aShxp/rKXDbZuiT9VnAESRU',
    '$pbkdf2-sha256$i=1000$c2l4d_Vlbg$Lik0aShxp/rKXDbZuiT9VnAESRU',
    '$pbkdf2-md5$i=1000$c2l4dGVlbg$Lik0aShxp/rKXDbZuiT9VnAESRU',
    '$better-auth$8f14:a3339d018daddb01c9bc229ed8a52422',
    '$argon2id$v=18$m=1024,t=2,p=1$c2l4dGVlbiBieXRlcyBvZg$78lt6YK3eCTaGFzNRVg2bWWTWl2BHSO9N5GYNeREFBc',
    '$argon2id$v=19$m=1024,t=2,p=1$c2l4$78lt6YK3eCTaGFzNRVg2bWWTWl2BHSO9N5GYNeREFBc',
    '',
    PASSWORD,
  ]
  for (const text of odd) {
    assert.equal(readForeignHash(text), null, text)
    assert.equal(await hasher.verifyForeign(text, PASSWORD), false, text)
  }
})

scene(
  'attack 072: the first right sign-in makes a foreign hash ours, once, and a wrong one does not',
  async (freddy) => {
    const ada = await newcomer(freddy, 'ada', aBcryptHash)
    const foreign = await kept(freddy, ada)
    assert.equal((await freddy.login({ ...ada, password: WRONG })).status, 401)
    assert.equal(await kept(freddy, ada), foreign)

    const atOnce = await Promise.all(Array.from({ length: 20 }, () => freddy.login(ada)))
    assert.ok(atOnce.some(({ status }) => status === 200))
    freddy.pass(11 * 60_000)
    await freddy.signIn(ada)
    const ours = await kept(freddy, ada)
    assert.match(ours, /^[0-9a-f]{8}\$\$argon2id\$/)
    freddy.pass(11 * 60_000)
    await freddy.signIn(ada)
    assert.equal(await kept(freddy, ada), ours)
    assert.equal((await freddy.login({ ...ada, password: WRONG })).status, 401)
  },
)

scene('attack 048: a stolen table shows no foreign hash', async (freddy) => {
  const ada = await newcomer(freddy, 'ada', aBcryptHash)
  const stored = await kept(freddy, ada)
  assert.match(stored, /^foreign\$[0-9a-f]{8}\.[\w-]+$/)
  const bytes = Buffer.from(stored.split('.')[1] ?? '', 'base64url').toString('latin1')
  for (const part of ['$2b$', 'bADAUmO2B']) assert.ok(!(stored + bytes).includes(part))
})

scene(
  'attack 069: a NUL or half a character opens no account with a foreign hash',
  async (freddy) => {
    const empty = '$2b$04$Nl4OY9f6ycQWCTosdTt2retSfcHcnVDVRpDqiFkYXGtp4vBt.Gke.'
    const ada = await newcomer(freddy, 'ada', empty)
    for (const password of ['\0', '\ud800']) {
      assert.equal((await freddy.login({ ...ada, password })).status, 401)
    }
  },
)

scene('a foreign hash that is renewed by a proof is what the proof rests on', async (freddy) => {
  const { app } = freddy.running
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  await setHash(freddy, ada, sealForeignHash(app, aBcryptHash))
  const next = 'a quite different sentence'
  const changed = await freddy.ask('PUT /v1/auth/password/update', {
    token,
    body: { current_password: PASSWORD, new_password: next, confirm_password: next },
  })
  assert.equal(changed.status, 200, changed.text)
  await setHash(freddy, ada, sealForeignHash(app, aBcryptHash))
  const left = await freddy.ask('DELETE /v1/user/me', {
    token,
    body: { current_password: PASSWORD },
  })
  assert.equal(left.status, 200, left.text)
})

scene(
  'attack 018: who is nobody waits for a foreign hash as often as people have one',
  async (freddy, context) => {
    const { app } = freddy.running
    const ada = await newcomer(freddy, 'ada', aBcryptHash)
    const work = context.mock.method(app.hasher, 'verifyForeign')
    const nobody = { as: 'nobody@example.com', password: PASSWORD }
    assert.equal((await freddy.login(nobody)).status, 401)
    assert.equal(work.mock.callCount(), 1, 'the only account has a foreign hash')
    await setHash(freddy, ada, null)
    assert.equal((await freddy.login({ ...nobody, as: 'another@example.com' })).status, 401)
    assert.equal(work.mock.callCount(), 1, 'nobody has one any more')

    const names = Array.from({ length: 200 }, (_, index) => `name ${index}`)
    for (const name of ['bob', 'cleo', 'dora', 'emil']) await freddy.person(name)
    await freddy.database.write(
      "UPDATE users SET id = 'usr_8' || substr(id, 6) WHERE user_name = 'ada'",
    )
    await setHash(
      freddy,
      { ...ada, id: `usr_8${ada.id.slice(5)}` },
      sealForeignHash(app, aBcryptHash),
    )
    const first = await Promise.all(names.map((name) => standInFor(app, name)))
    const share = first.filter((hash) => hash !== null).length
    assert.ok(share > 10 && share < 190, `${share} of 200`)
    assert.deepEqual(await Promise.all(names.map((name) => standInFor(app, name))), first)
  },
)

scene(
  'a foreign hash under a secret that is gone opens nothing, and costs a hash',
  async (freddy) => {
    const ada = await freddy.person('ada')
    await setHash(freddy, ada, 'foreign$00000000.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA')
    assert.equal((await freddy.login(ada)).status, 401)
  },
)
