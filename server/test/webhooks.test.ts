import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { allowed } from '../src/auth/audit.ts'
import { deleteUser } from '../src/auth/roster.ts'
import { replayEvent } from '../src/webhooks/endpoint.ts'
import { createPost } from '../src/webhooks/post.ts'
import { createSender } from '../src/webhooks/sender.ts'
import { databases } from './databases.ts'
import { type Freddy, HOUR, MINUTE, scene, startFreddy } from './freddy.ts'
import { startProcess } from './server-process.ts'
import { isGenuine, startReceiver } from './webhook-receiver.ts'

const env = { WEBHOOK_ALLOW: '127.0.0.0/8' }
const origin = { address: 'shell', source: 'shell', network: null, agent: 'freddy-auth' }

type Receiver = Awaited<ReturnType<typeof startReceiver>>
type Server = Omit<Freddy, 'database'>

/** An admin, an endpoint of theirs, and how to make something happen. */
async function operator(freddy: Freddy) {
  const ada = await freddy.person('ada')
  await freddy.database.write("UPDATE users SET role = 'admin' WHERE id = :id", { id: ada.id })
  const { token } = await freddy.signIn(ada)
  const hooks = '/v1/admin/webhooks'
  const ask = (line: string, body?: object) => {
    const [method, path = ''] = line.split(' ')
    return freddy.ask(`${method} ${hooks}${path}`, { token, ...(body ? { body } : {}) })
  }
  // What made the operator is told to nobody.
  freddy.pass(1000)
  return { ada, token, ask }
}

/** Something that happened to somebody: its `changed` tells which. */
async function happen(freddy: Server, person: string, changed: string): Promise<void> {
  const about = { userId: `usr_${person}`, facts: { changed: [changed] } }
  await freddy.running.app.store.audit.record(
    allowed({ now: freddy.now(), origin }, 'profile.changed', about),
  )
  freddy.pass(1)
}

function told(
  name: string,
  tell: (freddy: Freddy, receiver: Receiver, context: TestContext) => Promise<void>,
): void {
  scene(
    name,
    async (freddy, context) => {
      const receiver = await startReceiver()
      try {
        await tell(freddy, receiver, context)
      } finally {
        await receiver.close()
      }
    },
    { env },
  )
}

const story = ({ received }: Receiver) =>
  received.map(({ event: { data } }) => `${data.user_id} ${data.changed}`.slice(4))

told('an event is sent once, signed as Standard Webhooks says', async (freddy, receiver) => {
  const { ask, token } = await operator(freddy)
  const made = await ask('POST ', { url: receiver.url, description: 'customers' })
  assert.equal(made.status, 201, made.text)
  const { id, secret } = made.body
  assert.match(secret, /^whsec_[A-Za-z0-9+/]{43}=$/)
  assert.equal((await ask(`GET /${id}`)).body.secret, undefined)
  const kept = JSON.stringify(await freddy.database.read('SELECT * FROM webhooks'))
  assert.equal(kept.includes(secret.slice(6)), false)

  await happen(freddy, 'bob', 'full_name')
  await freddy.running.sender.drain()
  await freddy.running.sender.drain()
  const [sent, ...none] = receiver.received
  assert.ok(sent)
  assert.deepEqual(none, [])
  assert.equal(sent.headers['webhook-id'], sent.event.id)
  assert.equal(sent.headers['content-type'], 'application/json')
  assert.deepEqual(sent.event.data, { user_id: 'usr_bob', changed: ['full_name'] })
  assert.ok(isGenuine(secret, sent, freddy.now()))
  assert.equal(isGenuine(secret, { ...sent, body: `${sent.body} ` }, freddy.now()), false)
  assert.equal(isGenuine(secret, sent, freddy.now() + 6 * MINUTE), false)
  const list = await freddy.ask('GET /v1/admin/events?limit=100', { token })
  const same = list.body.data.find((each: { id: string }) => each.id === sent.event.id)
  assert.deepEqual(same, sent.event, 'the list tells the same')
  const { body } = await ask(`GET /${id}/deliveries`)
  const [delivery] = body.data
  const { event_id, state, tries, last_status, type } = delivery
  assert.deepEqual(
    [event_id, state, tries, last_status, type],
    [sent.event.id, 'delivered', 1, 200, 'user.updated'],
  )
})

told(
  'only what was asked for is sent, and while it is paused it waits',
  async (freddy, receiver) => {
    const { ask } = await operator(freddy)
    const { body } = await ask('POST ', { url: receiver.url, events: ['user.disabled'] })
    await happen(freddy, 'bob', 'one')
    await freddy.running.sender.drain()
    assert.deepEqual(receiver.received, [])
    const changed = await ask(`PATCH /${body.id}`, { events: null, paused: true })
    assert.deepEqual([changed.body.events, changed.body.paused_by], [null, 'admin'])
    await happen(freddy, 'bob', 'two')
    await freddy.running.sender.drain()
    assert.deepEqual(receiver.received, [])
    assert.equal((await ask(`PATCH /${body.id}`, { paused: false })).body.status, 'active')
    await freddy.running.sender.drain()
    assert.deepEqual(story(receiver), ['bob two'])
    assert.equal((await ask(`DELETE /${body.id}`)).body.deleted, true)
    await happen(freddy, 'bob', 'three')
    await freddy.running.sender.drain()
    assert.deepEqual(story(receiver), ['bob two'])
  },
)

told(
  'of one person the later waits for the earlier, and for nobody else',
  async (freddy, receiver) => {
    const { ask } = await operator(freddy)
    await ask('POST ', { url: receiver.url })
    let fails = true
    receiver.reply(({ event }) => (fails && event.data.user_id === 'usr_bob' ? 500 : 200))
    for (const [who, what] of [
      ['bob', 'one'],
      ['cat', 'one'],
      ['bob', 'two'],
      ['cat', 'two'],
      ['bob', 'three'],
    ] as const) {
      await happen(freddy, who, what)
    }
    await freddy.running.sender.drain()
    assert.deepEqual(story(receiver).toSorted(), ['bob one', 'cat one', 'cat two'])
    await happen(freddy, 'bob', 'four')
    await freddy.running.sender.drain()
    assert.equal(receiver.received.length, 3, 'nothing overtakes')
    fails = false
    freddy.pass(10_000)
    await freddy.running.sender.drain()
    const his = story(receiver).filter((words) => words.startsWith('bob'))
    assert.deepEqual(his, ['bob one', 'bob one', 'bob two', 'bob three', 'bob four'])
  },
)

told(
  'an event is tried for a day, ever more seldom, and then given up',
  async (freddy, receiver) => {
    const { ask } = await operator(freddy)
    const { body } = await ask('POST ', { url: receiver.url })
    receiver.reply(() => 503)
    await happen(freddy, 'bob', 'one')
    await happen(freddy, 'bob', 'two')
    const begun = freddy.now()
    const at: number[] = []
    let last = 0
    for (let round = 0; round < 11; round++) {
      await freddy.running.sender.drain()
      const query = { webhookId: body.id, state: null, after: null, most: 9 }
      const rows = await freddy.running.app.store.deliveries.list(query)
      const first = rows.find(({ tries }) => tries > 0)
      at.push(freddy.now() - begun)
      assert.deepEqual([first?.tries, first?.status, rows.length], [round + 1, 503, 2])
      last = first?.ended_at ?? 0
      if (!first || last > 0) break
      freddy.pass(first.next_at - freddy.now() - 1)
      await freddy.running.sender.drain()
      assert.equal(receiver.received.length, round + 1, 'not a moment early')
      freddy.pass(1)
    }
    assert.equal(last, freddy.now(), 'given up')
    const pauses = at.slice(1).map((moment, index) => (moment - (at[index] ?? 0)) / MINUTE)
    const least = [1 / 12, 0.5, 2, 10, 30, 60, 120, 240, 480, 480]
    assert.equal(pauses.length, least.length)
    pauses.forEach((pause, index) => {
      const shortest = least[index] ?? 0
      assert.ok(pause >= shortest && pause <= shortest * 1.2, `${index}: ${pause}`)
    })
    assert.ok((at.at(-1) ?? 0) > 23 * HOUR && (at.at(-1) ?? 0) < 29 * HOUR)
    // The next of that person has its turn.
    receiver.reply(() => 200)
    freddy.pass(MINUTE)
    await freddy.running.sender.drain()
    assert.equal(story(receiver).at(-1), 'bob two')
    assert.equal(story(receiver).filter((words) => words === 'bob one').length, 11)

    const { app } = freddy.running
    const given = receiver.received[0]?.event.id ?? ''
    await replayEvent({ app, now: freddy.now(), origin, actor: 'shell' }, body.id, given)
    await freddy.running.sender.drain()
    assert.equal(receiver.received.at(-1)?.event.id, given)
  },
)

told(
  'what happened since a moment is sent again, and what was never sent',
  async (freddy, receiver) => {
    const { ask } = await operator(freddy)
    await happen(freddy, 'bob', 'before')
    freddy.pass(MINUTE)
    const since = new Date(freddy.now()).toISOString()
    await happen(freddy, 'bob', 'one')
    const { body } = await ask('POST ', { url: receiver.url })
    await happen(freddy, 'bob', 'two')
    await freddy.running.sender.drain()
    assert.deepEqual(story(receiver), ['bob two'])
    const all = await ask(`POST /${body.id}/replay`, { since })
    assert.equal(all.body.queued, 2, all.text)
    await freddy.running.sender.drain()
    assert.deepEqual(story(receiver), ['bob two', 'bob one', 'bob two'])
    assert.equal(
      (await ask(`POST /${body.id}/deliveries/evt_${'0'.repeat(32)}/replay`)).status,
      404,
    )
  },
)

told(
  'another secret and the one before sign side by side, for as long as was said',
  async (freddy, receiver) => {
    const { ask } = await operator(freddy)
    const { body } = await ask('POST ', { url: receiver.url })
    const rotated = await ask(`POST /${body.id}/rotate`, { overlap_hours: 2 })
    assert.notEqual(rotated.body.secret, body.secret)
    const good = async () => {
      await happen(freddy, 'bob', 'one')
      await freddy.running.sender.drain()
      const sent = receiver.received.at(-1) ?? assert.fail()
      return [body.secret, rotated.body.secret].map((secret) =>
        isGenuine(secret, sent, freddy.now()),
      )
    }
    assert.deepEqual(await good(), [true, true])
    freddy.pass(2 * HOUR)
    assert.deepEqual(await good(), [false, true])
  },
)

told('a test goes to one endpoint alone, and waits for nothing', async (freddy, receiver) => {
  const other = await startReceiver()
  const { ask } = await operator(freddy)
  const { body } = await ask('POST ', { url: receiver.url, events: ['user.created'] })
  await ask('POST ', { url: other.url })
  const tested = await ask(`POST /${body.id}/test`)
  assert.equal(tested.status, 201, tested.text)
  await freddy.running.sender.drain()
  assert.deepEqual([receiver.types(), other.types()], [['webhook.test'], []])
  assert.equal(receiver.received[0]?.event.id, tested.body.event_id)
  await other.close()
})

told(
  'an endpoint that is gone is paused at once, a dead one after two days; the admins hear of it',
  async (freddy, receiver) => {
    const { ask, ada } = await operator(freddy)
    const { body } = await ask('POST ', { url: receiver.url })
    receiver.reply(() => 410)
    await happen(freddy, 'bob', 'one')
    await freddy.running.sender.drain()
    const gone = (await ask(`GET /${body.id}`)).body
    assert.deepEqual([gone.status, gone.paused_by], ['paused', 'gone'])
    await freddy.running.outbox.drain()
    const letters = () =>
      freddy.mail.mails.filter(({ subject }) => subject.startsWith('No more events'))
    assert.equal(letters().length, 1)
    assert.ok(letters()[0]?.raw.includes(`127.0.0.1:${receiver.port}`))
    assert.deepEqual(letters()[0]?.envelope.to, [ada.email])

    receiver.reply(() => 500)
    await ask(`PATCH /${body.id}`, { paused: false })
    let hours = 0
    for (; hours < 80; hours++) {
      await happen(freddy, `person${hours}`, 'one')
      await freddy.running.sender.drain()
      if ((await freddy.running.app.store.webhooks.find(body.id))?.paused_at) break
      freddy.pass(HOUR)
    }
    assert.ok(hours >= 47 && hours <= 50, `${hours}`)
    const dead = await freddy.running.app.store.webhooks.find(body.id)
    assert.equal(dead?.paused_by, 'failures')
    await freddy.running.outbox.drain()
    assert.equal(letters().length, 2)
  },
)

told(
  'a redirect is followed nowhere, and an answer that does not come is a failure',
  async (freddy, receiver) => {
    const { ask } = await operator(freddy)
    const { body } = await ask('POST ', { url: receiver.url })
    receiver.reply(() => 302)
    await happen(freddy, 'bob', 'one')
    await freddy.running.sender.drain()
    assert.deepEqual(
      receiver.received.map(({ path }) => path),
      ['/hooks'],
    )
    const [delivery] = (await ask(`GET /${body.id}/deliveries`)).body.data
    assert.deepEqual([delivery.last_status, delivery.state], [302, 'waiting'])

    const hasty = createPost(['127.0.0.0/8'], 50)
    receiver.reply(() => new Promise(() => {}))
    const late = await hasty.send(receiver.url, {}, '{}')
    assert.deepEqual(late, { status: null, reason: 'timeout' })
    await hasty.close()
  },
)

told('two senders share the work, and nobody hears anything twice', async (freddy, receiver) => {
  const { ask } = await operator(freddy)
  await ask('POST ', { url: receiver.url })
  for (let each = 0; each < 15; each++) {
    await happen(freddy, `person${each % 5}`, String(each))
  }
  const post = createPost(['127.0.0.0/8'])
  const other = createSender(freddy.running.app, post)
  await Promise.all([freddy.running.sender.drain(), other.drain()])
  await Promise.all([freddy.running.sender.drain(), other.drain()])
  assert.equal(receiver.received.length, 15)
  assert.equal(new Set(story(receiver)).size, 15)
  for (let person = 0; person < 5; person++) {
    const theirs = story(receiver).filter((words) => words.startsWith(`person${person} `))
    const order = [person, person + 5, person + 10].map((each) => `person${person} ${each}`)
    assert.deepEqual(theirs, order)
  }
  await other.stop()
})

told('of somebody who was deleted no endpoint hears more than the id', async (freddy, receiver) => {
  const { ask } = await operator(freddy)
  const { body } = await ask('POST ', { url: receiver.url })
  await ask(`PATCH /${body.id}`, { paused: true })
  const bob = await freddy.person('bob')
  const about = { userId: bob.id, facts: { email: bob.email } }
  const sign = { now: freddy.now(), origin }
  await freddy.running.app.store.audit.record(allowed(sign, 'user.created', about))
  freddy.pass(1)
  await deleteUser({ app: freddy.running.app, now: freddy.now(), origin, actor: 'shell' }, bob.id)
  await ask(`PATCH /${body.id}`, { paused: false })
  await freddy.running.sender.drain()
  assert.deepEqual(receiver.types(), ['user.created', 'user.deleted'])
  assert.equal(
    receiver.received.some(({ body }) => body.includes('bob@')),
    false,
  )
})

told('of twenty-five endpoints that are made at once twenty stand', async (freddy, receiver) => {
  const { ask } = await operator(freddy)
  const made = await Promise.all(
    Array.from({ length: 25 }, () => ask('POST ', { url: receiver.url })),
  )
  const counts = [201, 403].map((status) => made.filter((each) => each.status === status).length)
  assert.deepEqual(counts, [20, 5])
  assert.equal((await ask('GET ')).body.data.length, 20)
})

scene('attack 118: an endpoint is no way into the network', async (freddy) => {
  const { ask } = await operator(freddy)
  const inside = [
    'http://169.254.169.254/latest/meta-data/',
    'https://169.254.169.254/',
    'https://127.0.0.1/',
    'https://127.1/',
    'https://2130706433/',
    'https://0x7f.1/',
    'https://0177.0.0.1/',
    'https://①②⑦.⓪.⓪.①/',
    'https://[::1]/',
    'https://[::ffff:127.0.0.1]/',
    'https://[::ffff:7f00:1]/',
    'https://[64:ff9b::7f00:1]/',
    'https://0.0.0.0/',
    'https://10.0.0.1/',
    'https://192.168.1.1/',
    'https://localhost/',
    'https://localhost./',
    'https://LOCALHOST/',
    'http://192.0.2.1/',
    'https://3221225985/',
    'https://0xc0.0.2.1/',
    'https://user:word@192.0.2.1/',
    'https://192.0.2.1/#part',
    'https://192.0.2.1:22/',
    'https://192.0.2.1:25/',
    'file:///etc/passwd',
    'gopher://192.0.2.1/',
    'ftp://192.0.2.1/',
    'javascript:1',
    'words',
    `https://192.0.2.1/${'a'.repeat(500)}`,
  ]
  for (const url of inside) {
    const answer = await ask('POST ', { url })
    assert.equal(answer.status, 422, url)
    assert.equal(answer.body.error.code, 'VALIDATION_ERROR', url)
  }
  const outside = await ask('POST ', { url: 'https://192.0.2.1:8443/hooks?a=b' })
  assert.equal(outside.status, 201, outside.text)
  for (const url of ['https://127.0.0.1/', 'http://192.0.2.1/']) {
    assert.equal((await ask(`PATCH /${outside.body.id}`, { url })).status, 422, url)
  }
  assert.equal((await ask(`GET /${outside.body.id}`)).body.url, 'https://192.0.2.1:8443/hooks?a=b')
})

told('attack 118: a name that leads inside later is not called', async (freddy, receiver) => {
  const url = `http://localhost:${receiver.port}/hooks`
  const { ask } = await operator(freddy)
  assert.equal((await ask('POST ', { url })).status, 201)
  // To these the same name is another place than when it was kept.
  for (const allow of [[], ['10.0.0.0/8']]) {
    for (const way of ['http', 'https']) {
      const post = createPost(allow)
      for (const host of ['localhost', '127.0.0.1']) {
        const outcome = await post.send(`${way}://${host}:${receiver.port}/hooks`, {}, '{}')
        assert.deepEqual(outcome, { status: null, reason: 'private_address' }, `${way} ${host}`)
      }
      await post.close()
    }
  }
  assert.deepEqual(receiver.received, [])
})

for (const { name: engine, open } of databases) {
  test(`F25: a server that is killed after the answer sends it again under the same id (${engine})`, async (context) => {
    const place = await open()
    const receiver = await startReceiver()
    const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
    const before = await startFreddy(place.url, engine, { env })
    const { ask } = await operator({ ...before, database: place.database })
    const { body } = await ask('POST ', { url: receiver.url })
    await happen(before, 'bob', 'one')
    await before.running.close()
    await before.mail.close()

    const arrived = new Promise<void>((resolve) => {
      receiver.reply(() => {
        resolve()
        return new Promise(() => {})
      })
    })
    const dataDir = place.url.slice(0, place.url.lastIndexOf('/'))
    const server = await startProcess({
      ...env,
      ...(engine === 'PostgreSQL'
        ? { DATABASE_URL: place.url, DATA_DIR: folder }
        : { DATA_DIR: dataDir }),
    })
    await arrived
    await server.kill()
    receiver.reply(() => 200)

    const after = await startFreddy(place.url, engine, { env })
    context.after(async () => {
      await after.running.close()
      await after.mail.close()
      await receiver.close()
      rmSync(folder, { recursive: true, force: true })
      await place.drop()
    })
    const [row] = await place.database.read('SELECT locked_until FROM webhook_deliveries')
    after.pass(Number(row?.locked_until) - after.now() - 1)
    await after.running.sender.drain()
    assert.equal(receiver.received.length, 1, 'the lease is still the other one’s')
    after.pass(1)
    await after.running.sender.drain()
    const [first, second, ...none] = receiver.received
    assert.deepEqual(none, [])
    assert.equal(second?.headers['webhook-id'], first?.headers['webhook-id'])
    assert.equal(second?.body, first?.body)
    assert.ok(second && isGenuine(body.secret, second, after.now()))
  })
}
