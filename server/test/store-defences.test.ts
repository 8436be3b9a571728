import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { createApp } from '../src/app.ts'
import { allowed } from '../src/auth/audit.ts'
import { findBrokenSeal, sealEvents } from '../src/auth/audit-chain.ts'
import { createKeyring } from '../src/auth/keyring.ts'
import { seal, unseal } from '../src/auth/seal.ts'
import { readConfig } from '../src/config.ts'
import { databases } from './databases.ts'
import { DAY, type Freddy, HOUR, MINUTE, type Person, SECRET, scene, wrongCode } from './freddy.ts'

const origin = { address: '192.0.2.1', source: '192.0.2.1', network: null, agent: 'curl' }

const registerAgain = (freddy: Freddy, { email }: Person) =>
  freddy.ask('POST /v1/auth/register', { body: { email, password: 'correct horse battery' } })

const aboutWrongCodes = (freddy: Freddy) =>
  freddy.mail.mails.filter(({ subject }) => /wrong codes/i.test(subject)).length

scene('a letter that waited longer than it is worth is not sent', async (freddy) => {
  await registerAgain(freddy, await freddy.person('ada'))
  freddy.pass(25 * HOUR)
  await freddy.running.outbox.drain()
  assert.equal(freddy.mail.mails.length, 0)
})

scene('a code that was used is not mailed again', async (freddy) => {
  const ada = await freddy.person('ada')
  const { body } = await freddy.login(ada)
  const code = await freddy.codeFor(ada.email)
  freddy.pass(MINUTE)
  await freddy.ask('POST /v1/auth/resend-email', { body: { email_key: body.email_key } })
  assert.equal((await freddy.verify(body.email_key, Number(code))).status, 200)
  await freddy.running.outbox.drain()
  assert.equal(freddy.mail.mails.length, 1)
})

scene('words that were refused are wiped too', async (freddy) => {
  freddy.mail.behaviour.refuses = true
  await registerAgain(freddy, await freddy.person('ada'))
  await freddy.running.outbox.drain()
  const [letter] = await freddy.database.read('SELECT sealed, ended_at FROM outbox')
  assert.notEqual(letter?.ended_at, null)
  assert.equal(letter?.sealed, null)
})

test('sealed words that somebody changed are not read', () => {
  const keyring = createKeyring([SECRET])
  const sealed = seal(keyring, 'words to Ada')
  assert.equal(unseal(keyring, sealed), 'words to Ada')
  const [id = '', body = ''] = sealed.split('.')
  const bytes = Buffer.from(body, 'base64url')
  for (let place = 0; place < bytes.length; place++) {
    const changed = Buffer.from(bytes)
    changed[place] = (changed[place] ?? 0) ^ 1
    assert.equal(unseal(keyring, `${id}.${changed.toString('base64url')}`), null, `${place}`)
  }
})

scene('attack 055: the owner hears of wrong codes once a day', async (freddy) => {
  const ada = await freddy.person('ada')
  const { device_token } = await freddy.signIn(ada)
  for (const device of [{}, { device_token }]) {
    const { body } = await freddy.ask('POST /v1/auth/login', {
      body: { email_or_username: ada.email, password: ada.password, ...device },
    })
    const code = await freddy.codeFor(ada.email)
    for (let guess = 0; guess < 5; guess++) {
      assert.equal((await freddy.verify(body.email_key, wrongCode(code))).status, 401)
    }
  }
  await freddy.running.outbox.drain()
  assert.equal(aboutWrongCodes(freddy), 1)
})

scene('attack 055: the owner hears of hammering once a day', async (freddy) => {
  const ada = await freddy.person('ada')
  const guess = () => freddy.login({ as: ada.email, password: 'this is not it' })
  await guess()
  await freddy.database.write("UPDATE budgets SET streak = 100 WHERE name = 'login-account'")
  for (let round = 0; round < 3; round++) {
    freddy.pass(5 * MINUTE)
    assert.equal((await guess()).status, 401)
  }
  await freddy.running.outbox.drain()
  assert.equal(freddy.mail.mails.length, 1)
  assert.match(
    freddy.mail.mails[0]?.raw.replace(/=\r\n/g, '') ?? '',
    /\/account\/not-me\/[\w-]{22}/,
  )
})

test("the database file is its owner's alone", async () => {
  const place = await databases[0].open()
  assert.equal(statSync(place.url).mode & 0o777, 0o600)
  await place.drop()
})

test('attack 082: a database made with another secret stops the start', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  const env = { DATA_DIR: folder, HASH_THREADS: '1' }
  const first = await createApp(readConfig({ ...env, SECRET_KEY: SECRET }))
  await first.close()
  const other = createApp(readConfig({ ...env, SECRET_KEY: SECRET.toLowerCase() }))
  await assert.rejects(other, /made with another secret/)
  rmSync(folder, { recursive: true, force: true })
})

scene('who signs in ends the wrong passwords in a row', async (freddy) => {
  const ada = await freddy.person('ada')
  await freddy.login({ ...ada, password: 'not the password' })
  const streak = async () => {
    const [row] = await freddy.database.read(
      "SELECT streak FROM budgets WHERE name = 'login-account' AND user_id IS NOT NULL",
    )
    return row?.streak
  }
  assert.equal(await streak(), 1)
  await freddy.signIn(ada)
  assert.equal(await streak(), 0)
})

test('a read of SQLite changes nothing', async () => {
  const place = await databases[0].open()
  const written = place.database.read('CREATE TABLE marbles (id TEXT)')
  await assert.rejects(written, (error: Error) => /readonly/.test(String(error.cause)))
  await place.drop()
})

async function sealedEvents(freddy: Freddy, count: number) {
  const { audit } = freddy.running.app.store
  for (let index = 0; index < count; index++) {
    await audit.record(allowed({ now: freddy.now() + index, origin }, 'test.event'))
  }
  await sealEvents(audit)
  assert.equal(await findBrokenSeal(audit), null)
  return audit
}

scene(
  'an event that was changed breaks the chain, and so does one that is gone',
  async (freddy) => {
    const audit = await sealedEvents(freddy, 4)
    await freddy.database.write("UPDATE audit_events SET agent = 'other' WHERE position = 2")
    assert.equal(await findBrokenSeal(audit), 2)
    await freddy.database.write("UPDATE audit_events SET agent = 'curl' WHERE position = 2")
    assert.equal(await findBrokenSeal(audit), null)
    await freddy.database.write("UPDATE audit_events SET outcome = 'refused' WHERE position = 3")
    assert.equal(await findBrokenSeal(audit), 3)
    await freddy.database.write("UPDATE audit_events SET outcome = 'allowed' WHERE position = 3")
    assert.equal(await findBrokenSeal(audit), null)
    await freddy.database.write('DELETE FROM audit_events WHERE position = 2')
    assert.equal(await findBrokenSeal(audit), 3)
  },
)

scene('of two processes that seal at once neither leaves a gap', async (freddy) => {
  const audit = await sealedEvents(freddy, 2)
  for (const index of [2, 3, 4]) {
    await audit.record(allowed({ now: freddy.now() + index, origin }, 'test.event'))
  }
  const other = { ...audit, listUnsealed: () => audit.listUnsealed(1) }
  let reads = 0
  const beforeOther = async <Read>(asked: Promise<Read>) => {
    const read = await asked
    reads += 1
    if (reads === 1) assert.equal(await sealEvents(other), 1)
    return read
  }
  await sealEvents({
    ...audit,
    findLastSealed: () => beforeOther(audit.findLastSealed()),
    listUnsealed: (most) => beforeOther(audit.listUnsealed(most)),
  })
  await sealEvents(audit)
  assert.equal(await findBrokenSeal(audit), null)
  assert.equal((await audit.listUnsealed(10)).length, 0)
})

scene(
  'a chain that the database lets down in its middle goes on where it ended',
  async (freddy) => {
    const audit = await sealedEvents(freddy, 2)
    const events = Array.from({ length: 250 }, (_, index) =>
      audit.record(allowed({ now: freddy.now() + 10 + index, origin }, 'test.event')),
    )
    await Promise.all(events)
    let bites = 0
    // What a store answers when nothing was kept.
    const letDown: typeof audit = {
      ...audit,
      seal: async (links) => (++bites === 2 ? [] : audit.seal(links)),
    }
    assert.ok((await sealEvents(letDown)) < 250)
    while ((await sealEvents(audit)) > 0);
    assert.equal((await audit.listUnsealed(10)).length, 0)
    assert.equal((await audit.findLastSealed())?.position, 252)
    assert.equal(await findBrokenSeal(audit), null)
  },
)

scene('an event is not passed off as one from before the digests', async (freddy) => {
  const audit = await sealedEvents(freddy, 3)
  const gone = `usr_${'0'.repeat(32)}`
  await audit.record(allowed({ now: freddy.now() + 9, origin }, 'user.deleted', { userId: gone }))
  await sealEvents(audit)
  assert.equal(await findBrokenSeal(audit), null)
  await freddy.database.write(
    `UPDATE audit_events SET sealed_as = NULL, source = NULL, agent = NULL, salt = NULL,
       user_id = :gone, event = 'nothing.happened' WHERE position = 3`,
    { gone },
  )
  assert.equal(await findBrokenSeal(audit), 3)
})

scene('the sweep keeps an event until the chain has passed it', async (freddy) => {
  const { audit, sweep } = freddy.running.app.store
  await audit.record(allowed({ now: freddy.now(), origin }, 'test.event'))
  freddy.pass(91 * DAY)
  await sweep.expired(freddy.now(), { auditDays: 90 })
  assert.equal((await audit.listUnsealed(10)).length, 1)
  await sealEvents(audit)
  await sweep.expired(freddy.now(), { auditDays: 90 })
  assert.equal(await audit.findLastSealed(), null)
})
