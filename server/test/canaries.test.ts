import assert from 'node:assert/strict'
import { newApiKey } from '../src/auth/api-key.ts'
import { tellOfCanaries } from '../src/auth/canary.ts'
import { type Freddy, HOUR, scene } from './freddy.ts'
import { keyOwner } from './key-owner.ts'

/** What is mailed about canaries, once those who are to hear of them have heard. */
async function mailed(freddy: Freddy) {
  await tellOfCanaries(freddy.running.app)
  await freddy.running.outbox.drain()
  return freddy.mail.mails.filter(({ subject }) => subject.includes('canary key'))
}

function tryKey(freddy: Freddy, line: string, headers: Record<string, string>) {
  const from = '203.0.113.7'
  const body = line.startsWith('POST') ? { model: 'echo-1', input: 'x' } : undefined
  const agent = { 'user-agent': 'curl/8.1', 'x-request-id': 'req-1' }
  return freddy.ask(line, { from, headers: { ...agent, ...headers }, body })
}

const untimed = (text: string) => text.replace(/"timestamp":"[^"]+"/, '')

scene('a canary is in the list of its owner, and waits without an end', async (freddy) => {
  const ada = await keyOwner(freddy)
  const made = (await ada.make({ canary: true, labels: { place: 'wiki' } })).body
  const shown = await ada.show(made.id)
  assert.deepEqual([made.canary, shown.canary, shown.expires_at], [true, true, null])
  assert.deepEqual([shown.status, shown.labels], ['active', { place: 'wiki' }])
  assert.equal((await ada.show((await ada.make()).body.id)).canary, false)
})

scene('attack 098: nothing tells a canary from a key that nobody has', async (freddy) => {
  const ada = await keyOwner(freddy)
  const { key } = (await ada.make({ canary: true, scopes: ['models'] })).body
  const lines = ['GET /v1/models', 'POST /v1/responses', 'GET /v1/api-key', 'GET /v1/user/me']
  for (const line of lines) {
    for (const name of ['api-key', 'authorization']) {
      const header = (text: string) => ({ [name]: name === 'api-key' ? text : `Bearer ${text}` })
      const one = await tryKey(freddy, line, header(key))
      const other = await tryKey(freddy, line, header(newApiKey()))
      assert.equal(one.status, 401, line)
      assert.equal(untimed(one.text), untimed(other.text))
      assert.equal(one.status, other.status)
      assert.deepEqual({ ...one.headers, date: 0 }, { ...other.headers, date: 0 })
    }
  }
  // Neither is remembered: each is looked up at every call.
  assert.equal(freddy.running.app.liveApiKeys.size, 0)
})

scene('who tries a canary is named to its owner, once for a burst', async (freddy) => {
  const ada = await keyOwner(freddy)
  const made = (await ada.make({ canary: true, name: 'wiki' })).body
  const attempt = () => tryKey(freddy, 'GET /v1/models', { 'api-key': made.key })
  assert.equal((await mailed(freddy)).length, 0)
  for (let calls = 0; calls < 5; calls++) await attempt()
  const [mail, ...more] = await mailed(freddy)
  assert.equal(more.length, 0)
  assert.deepEqual(mail?.envelope.to, [ada.person.email])
  assert.match(mail?.raw ?? '', /203\.0\.113\.7 with curl/)
  await attempt()
  assert.equal((await mailed(freddy)).length, 1)
  freddy.pass(HOUR)
  await attempt()
  assert.equal((await mailed(freddy)).length, 2)

  const events = await freddy.database.read(
    `SELECT user_id, subject_id, outcome FROM audit_events WHERE event = 'key.canary'`,
  )
  const told = { user_id: ada.id, subject_id: made.id, outcome: 'refused' }
  assert.deepEqual(
    events.map((event) => ({ ...event })),
    [told, told],
  )
  await freddy.running.app.keyUses.flush()
  assert.equal((await ada.show(made.id)).last_used_network, '203.0.113.7')
})

scene('a canary that its owner ended or paused says nothing more', async (freddy) => {
  const ada = await keyOwner(freddy)
  const made = (await ada.make({ canary: true })).body
  const attempt = () => tryKey(freddy, 'GET /v1/models', { 'api-key': made.key })
  await ada.act(made.id, 'pause')
  assert.equal((await attempt()).body.error.code, 'INVALID_API_KEY')
  assert.equal((await mailed(freddy)).length, 0)
  await ada.revoke(made.id)
  assert.equal((await attempt()).body.error.code, 'INVALID_API_KEY')
  assert.equal((await mailed(freddy)).length, 0)
})
