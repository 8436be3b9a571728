import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readLetterTexts } from '../src/mail/letter-texts.ts'
import { type LetterFacts, type LetterName, letters } from '../src/mail/letters.ts'
import { createSmtpMailer } from '../src/mail/smtp.ts'
import { type Freddy, MINUTE, scene } from './freddy.ts'

const { texts } = readLetterTexts({ folder: null, language: 'en', sender: 'Freddy' })
const renderLetter = (name: LetterName, facts: LetterFacts) => texts.render(name, null, facts)
const facts = { address: '192.0.2.1', agent: 'curl', at: Date.UTC(2026, 10, 23, 12) }
const challengeAt = (key: string) => `GET /v1/auth/challenge/${key}`

const stateOf = async (freddy: Freddy, key: string) =>
  (await freddy.ask(challengeAt(key))).body.delivery

scene(
  'a code goes to its address alone, and the mail server that is down delays nobody',
  async (freddy) => {
    const ada = await freddy.person('ada')
    freddy.mail.behaviour.delays = 1
    const { body, status } = await freddy.login(ada)
    assert.equal(status, 200)
    await freddy.running.outbox.drain()
    assert.equal(freddy.mail.mails.length, 0)
    assert.deepEqual(await stateOf(freddy, body.email_key), {
      state: 'delayed',
      reason: 'the mail server asked us to try later',
    })
    freddy.pass(1000)
    await freddy.running.outbox.drain()
    const [mail] = freddy.mail.mails
    assert.deepEqual(mail?.envelope, { from: 'freddy@localhost', to: [ada.email] })
    assert.match(mail?.subject ?? '', /^\d{4} is your Freddy code$/)
    assert.equal(mail?.headers.get('auto-submitted'), 'auto-generated')
    assert.equal((await stateOf(freddy, body.email_key)).state, 'sent')
    await freddy.running.outbox.drain()
    assert.equal(freddy.mail.mails.length, 1)
  },
)

scene('F22: a greylisted letter is tried again under the same Message-ID', async (freddy) => {
  const ada = await freddy.person('ada')
  freddy.mail.behaviour.delays = 4
  await freddy.login(ada)
  const { messageIds, tries } = await patiently(freddy, 60)
  assert.equal(messageIds.length, 1)
  assert.match(messageIds[0] ?? '', /^<mail_[0-9a-f]{32}@localhost>$/)
  assert.ok(tries >= 4)
})

scene(
  'F23: an address that does not exist is tried once, and only its holder is told',
  async (freddy) => {
    const ada = await freddy.person('ada')
    freddy.mail.behaviour.refuses = true
    const { body } = await freddy.login(ada)
    await freddy.running.outbox.drain()
    const told = await stateOf(freddy, body.email_key)
    assert.deepEqual(told, { state: 'refused', reason: 'the mail server refused this address' })
    assert.doesNotMatch(JSON.stringify(told), /host\.internal|550/)
    freddy.mail.behaviour.refuses = false
    await patiently(freddy, 10)
    assert.equal(freddy.mail.mails.length, 0)
  },
)

scene(
  'F24: a mail whose answer got lost comes twice at most, with the same id and the same code',
  async (freddy) => {
    const ada = await freddy.person('ada')
    freddy.mail.behaviour.drops = 1
    await freddy.login(ada)
    await patiently(freddy, 30)
    const { mails } = freddy.mail
    assert.equal(mails.length, 2)
    assert.equal(new Set(mails.map(({ messageId }) => messageId)).size, 1)
    assert.equal(new Set(mails.map(({ subject }) => subject)).size, 1)
  },
)

scene('F25: two workers send no letter twice, and one that died is relieved', async (freddy) => {
  const { store } = freddy.running.app
  const people = []
  for (let count = 0; count < 10; count++) people.push(await freddy.person(`p${count}`))
  for (const who of people) await freddy.login(who)
  const claims = await Promise.all([
    store.outbox.claim(freddy.now(), 'one', 60_000, 10),
    store.outbox.claim(freddy.now(), 'two', 60_000, 10),
  ])
  const ids = claims.flat().map(({ id }) => id)
  assert.equal(new Set(ids).size, ids.length)
  await freddy.running.outbox.drain()
  const early = freddy.mail.mails.length
  assert.equal(early, 10 - ids.length)
  freddy.pass(MINUTE)
  await freddy.running.outbox.drain()
  assert.equal(freddy.mail.mails.length, 10)
})

scene('a letter is not sent when its code is over, or when it was used', async (freddy) => {
  const ada = await freddy.person('ada')
  await freddy.login(ada)
  freddy.pass(5 * MINUTE)
  await freddy.running.outbox.drain()
  assert.equal(freddy.mail.mails.length, 0)
  const { body } = await freddy.login(ada)
  await freddy.database.write('UPDATE challenges SET ended_at = 1 WHERE ended_at IS NULL')
  await freddy.running.outbox.drain()
  assert.equal(freddy.mail.mails.length, 0)
  assert.ok(body.email_key)
})

scene('words that wait to be sent are encrypted, and gone when they were sent', async (freddy) => {
  const ada = await freddy.person('ada')
  await freddy.ask('POST /v1/auth/register', {
    body: { email: ada.email, password: 'correct horse battery' },
  })
  const waiting = await freddy.database.read('SELECT sealed FROM outbox WHERE sealed IS NOT NULL')
  assert.equal(waiting.length, 1)
  assert.doesNotMatch(String(waiting[0]?.sealed), /ada|example/)
  await freddy.running.outbox.drain()
  assert.deepEqual(
    await freddy.database.read('SELECT sealed FROM outbox WHERE sealed IS NOT NULL'),
    [],
  )
  assert.equal(freddy.mail.mails.length, 1)
})

scene('F21: one slow letter does not hold the others back for ever', async (freddy) => {
  freddy.mail.behaviour.slowMs = 200
  for (let count = 0; count < 4; count++) await freddy.login(await freddy.person(`p${count}`))
  await freddy.running.outbox.drain()
  assert.equal(freddy.mail.mails.length, 4)
})

test('F20: a mail server that is not there delays a letter and says so', async () => {
  const mailer = createSmtpMailer({
    url: 'smtp://127.0.0.1:1',
    from: 'Freddy <freddy@example.com>',
  })
  const mail = { messageId: '<a@b>', to: 'ada@example.com', subject: 's', text: 't', html: 'h' }
  await assert.rejects(mailer.send(mail), {
    name: 'MailDelayed',
    reason: 'the mail server does not answer',
  })
  mailer.close()
})

/**
 * What the calendar brings was done from nowhere; where an admin sits is not told; of a key its last use is; and a
 * farewell forgets.
 */
const fromNowhere: readonly string[] = [
  'webhook-paused',
  'farewell',
  'key-ending',
  'old-secret-in-use',
  'panic',
  'invitation',
  'key-leaked',
  'canary-used',
]
const byAdmins: readonly string[] = ['panic', 'invitation']

test('no subject but that of a code holds digits that look like one', () => {
  for (const name of letters) {
    const { subject, text, html } = renderLetter(name, {
      ...facts,
      code: '2290',
      purpose: 'login',
      minutes: 5,
    })
    if (name === 'code') assert.equal(subject, '2290 is your Freddy code')
    else assert.doesNotMatch(subject, /\d{4}/)
    if (byAdmins.includes(name)) assert.ok(!`${text}${html}`.includes('192.0.2.1'), name)
    if (fromNowhere.includes(name)) continue
    assert.ok(text.includes('192.0.2.1') && html.includes('192.0.2.1'), name)
  }
})

test('attack 056: what a stranger may choose is cut, escaped, and never in a subject', () => {
  const agent = `<img src=x onerror=alert(1)> ${'x'.repeat(300)}`
  for (const name of letters) {
    const { subject, html, text } = renderLetter(name, { ...facts, code: '2290', agent })
    assert.doesNotMatch(subject, /img/)
    assert.doesNotMatch(html, /<img/)
    assert.ok(!text.includes('x'.repeat(65)) && !html.includes('x'.repeat(65)), name)
  }
})

scene('a letter that cannot be sent now waits longer each time', async (freddy) => {
  const ada = await freddy.person('ada')
  freddy.mail.behaviour.delays = 8
  await freddy.login(ada)
  const pauses = []
  for (let round = 0; round < 8; round++) {
    await freddy.running.outbox.drain()
    const [row] = await freddy.database.read<{ next_at: number }>('SELECT next_at FROM outbox')
    const pause = (row?.next_at ?? 0) - freddy.now()
    pauses.push(pause / 1000)
    freddy.pass(pause)
  }
  assert.deepEqual(pauses, [1, 2, 5, 10, 20, 40, 60, 60])
  await freddy.running.outbox.drain()
  assert.equal(freddy.mail.mails.length, 1)
})

/** Lets the clock run second by second, and the outbox with it. */
async function patiently(freddy: Freddy, seconds: number) {
  for (let second = 0; second < seconds; second++) {
    freddy.pass(1000)
    await freddy.running.outbox.drain()
  }
  const [row] = await freddy.database.read<{ tries: number }>(
    'SELECT max(tries) AS tries FROM outbox',
  )
  return { messageIds: freddy.mail.mails.map(({ messageId }) => messageId), tries: row?.tries ?? 0 }
}
