import assert from 'node:assert/strict'
import { newApiKey } from '../src/auth/api-key.ts'
import { tellOfCanaries } from '../src/auth/canary.ts'
import { type Freddy, HOUR, scene } from './freddy.ts'
import { keyOwner, useKey } from './key-owner.ts'

/** What is mailed about canaries, once those who are to hear of them have heard: two servers may tell them at once. */
async function mailed(freddy: Freddy) {
  const { app } = freddy.running
  await Promise.all([tellOfCanaries(app), tellOfCanaries(app)])
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
  assert.equal(freddy.running.app.memory.keys.size, 0)
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

scene(
  'a canary pauses the keys with the same label, and their owner resumes them',
  async (freddy) => {
    const ada = await keyOwner(freddy)
    const wiki = { labels: { place: 'wiki', team: 'tools' } }
    const option = { canary: true, canary_pauses_label: 'place' }
    const made = (await ada.make({ ...wiki, ...option })).body
    assert.equal(made.canary_pauses_label, 'place')
    const other = (await ada.make({ ...wiki, canary: true })).body
    const bears = (await ada.make({ ...wiki, name: 'deploys' })).body
    const elsewhere = (await ada.make({ labels: { place: 'safe', team: 'wiki' } })).body
    const bare = (await ada.make()).body
    const bob = await keyOwner(freddy, 'bob')
    const foreign = (await bob.make(wiki)).body
    const keys = [bears, elsewhere, bare, foreign].map(({ key }) => key)
    const uses = async () => {
      const answers = await Promise.all(keys.map((key) => useKey(freddy, key)))
      return answers.map(({ status }) => status)
    }
    assert.deepEqual(await uses(), [200, 200, 200, 200])

    await tryKey(freddy, 'GET /v1/models', { 'api-key': made.key })
    const [mail] = await mailed(freddy)
    assert.deepEqual(await uses(), [401, 200, 200, 200])
    const words = (mail?.raw ?? '').replace(/=\r\n/g, '')
    assert.match(words, /your keys with the same label are paused: deploys \(ak_/)
    assert.equal((await ada.show(bears.id)).paused_by, 'canary')
    assert.deepEqual(
      [(await ada.show(made.id)).status, (await ada.show(other.id)).status],
      ['active', 'active'],
    )
    const paused = await freddy.database.read(
      `SELECT user_id, subject_id, reason FROM audit_events WHERE event = 'key.paused'`,
    )
    assert.deepEqual(
      paused.map((event) => ({ ...event })),
      [{ user_id: ada.id, subject_id: bears.id, reason: 'canary' }],
    )

    assert.equal((await ada.act(bears.id, 'resume')).status, 200)
    await tryKey(freddy, 'GET /v1/models', { 'api-key': made.key })
    assert.equal((await mailed(freddy)).length, 1)
    assert.deepEqual(await uses(), [200, 200, 200, 200], 'nothing is paused without a mail')
    freddy.pass(HOUR)
    await tryKey(freddy, 'GET /v1/models', { 'api-key': other.key })
    const quiet = (await mailed(freddy)).at(-1)
    assert.doesNotMatch(quiet?.raw ?? '', /are paused/)
    assert.deepEqual(await uses(), [200, 200, 200, 200])
    await tryKey(freddy, 'GET /v1/models', { 'api-key': made.key })
    await mailed(freddy)
    assert.deepEqual(await uses(), [401, 200, 200, 200])
  },
)

scene('only a canary pauses, and by a label that it has', async (freddy) => {
  const ada = await keyOwner(freddy)
  const labels = { place: 'wiki' }
  for (const wrong of [
    { labels, canary_pauses_label: 'place' },
    { labels, canary: true, canary_pauses_label: 'team' },
    { labels, canary: true, canary_pauses_label: 'constructor' },
    { canary: true, canary_pauses_label: 'place' },
    { labels, canary: true, canary_pauses_label: '' },
  ]) {
    const answer = await ada.make(wrong)
    assert.equal(answer.status, 422, JSON.stringify(wrong))
    assert.equal(answer.body.error.details.fields[0].field, 'canary_pauses_label')
  }
  const { id } = (await ada.make({ labels, canary: true, canary_pauses_label: 'place' })).body
  const bare = await ada.change(id, { labels: { team: 'tools' } })
  assert.deepEqual([bare.status, bare.body.error.details.fields[0].field], [422, 'labels'])
  const moved = await ada.change(id, { name: 'moved', labels: { place: 'safe' } })
  assert.deepEqual([moved.status, moved.body.labels], [200, { place: 'safe' }])
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
