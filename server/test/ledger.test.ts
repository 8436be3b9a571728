import assert from 'node:assert/strict'
import { test } from 'node:test'
import { makeApiKey } from '../src/auth/api-key.ts'
import { suspected } from '../src/auth/audit.ts'
import { unlimited } from '../src/auth/key-limits.ts'
import { ApiError } from '../src/errors.ts'
import { explain } from '../src/responses/explanation.ts'
import { abandon, reserve, settle, settleOverdue, standing } from '../src/responses/ledger.ts'
import { mostInput, mostOutput } from '../src/responses/usage.ts'
import { createUsageQueue, type UsageQueue } from '../src/responses/usage-queue.ts'
import type { BookingGroup } from '../src/store/bookings.ts'
import { DatabaseUnavailable } from '../src/store/database.ts'
import type { HoldRow } from '../src/store/ledger.ts'
import { HOUR, scene } from './freddy.ts'
import { startModelServer } from './model-server.ts'
import { call, startProcess } from './server-process.ts'

type QueueStore = Parameters<typeof createUsageQueue>[0]

const nothingIsDropped = () => assert.fail('an entry was dropped')

const CALLS = 400
const CAP = 20_000

scene(
  'a burst of calls spends its cap to the last token and one call more at most',
  async (freddy) => {
    const { app } = freddy.running
    const ada = await freddy.person('ada')
    const { token } = await freddy.signIn(ada)
    const { body: key } = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'bulk' } })
    const limits = { ...unlimited, tokens_per_day: CAP }
    const at = { app, now: freddy.now() }
    let bill = 0
    let refused = 0
    const call = async (index: number) => {
      const most = { inputTokens: 50, outputTokens: 100, money: 0 }
      const spending = {
        requestId: `req_${index}`,
        userId: ada.id,
        keyId: key.id,
        limits,
        model: 'm',
        most,
      }
      try {
        const held = await reserve(at, spending)
        const used = { inputTokens: 50, outputTokens: (index * 37) % 101, money: 0 }
        bill += used.inputTokens + used.outputTokens
        await (index % 7 === 0 ? abandon : settle)(app, held, used)
      } catch (cause) {
        assert.ok(cause instanceof ApiError && cause.code === 'BUDGET_EXHAUSTED')
        assert.equal(cause.details?.limit, 'tokens_per_day')
        refused += 1
      }
    }
    await Promise.all(Array.from({ length: CALLS }, (_, index) => call(index)))
    for (let index = CALLS; refused === 0 || bill < CAP; index++) await call(index)
    assert.ok(bill >= CAP && bill < CAP + 150, String(bill))
    const [day] = await standing(app, { userId: ada.id, keyId: key.id, limits }, freddy.now())
    assert.deepEqual([day?.used, day?.held], [bill, 0])
    const [sum] = await app.store.usage.listSums(
      { userId: ada.id, keyId: null },
      'key',
      0,
      freddy.now() + 1,
    )
    assert.equal((sum?.input_tokens ?? 0) + (sum?.output_tokens ?? 0), bill)
  },
)

scene('a call that a crash left open is booked once, at the most it could be', async (freddy) => {
  const { app } = freddy.running
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const { body: key } = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'bulk' } })
  const limits = { ...unlimited, tokens_per_month: 1000 }
  const most = { inputTokens: 10, outputTokens: 20, money: 0 }
  const spending = { requestId: 'req_1', userId: ada.id, keyId: key.id, limits, model: 'm', most }
  const held = await reserve({ app, now: freddy.now() }, spending)
  await settleOverdue(app, freddy.now())
  assert.equal(await app.store.usage.find('req_1', { userId: ada.id, keyId: null }), null)
  freddy.pass(HOUR)
  await settleOverdue(app, freddy.now())
  await settle(app, held, most)
  const [sum] = await app.store.usage.listSums(
    { userId: ada.id, keyId: null },
    'key',
    0,
    freddy.now() + 1,
  )
  assert.deepEqual([sum?.calls, sum?.input_tokens, sum?.output_tokens], [1, 10, 20])
})

scene(
  'a key without a cap writes nothing before its answer, and is billed all the same',
  async (freddy) => {
    const { app } = freddy.running
    const ada = await freddy.person('ada')
    const { token } = await freddy.signIn(ada)
    const body = { model: 'echo-1', input: 'hello' }
    const answer = await freddy.ask('POST /v1/responses', { token, body })
    assert.equal(answer.status, 200, answer.text)
    const until = freddy.now() + 1
    assert.equal(
      (await app.store.usage.listSums({ userId: ada.id, keyId: null }, 'model', 0, until)).length,
      0,
    )
    await app.usage.flush()
    const [sum] = await app.store.usage.listSums({ userId: ada.id, keyId: null }, 'model', 0, until)
    assert.deepEqual([sum?.name, sum?.input_tokens, sum?.output_tokens], ['echo-1', 2, 2])
  },
)

scene(
  'a call whose server was killed is booked at the most it could be, once, when its time is over',
  async (freddy, context) => {
    const { app } = freddy.running
    const ada = await freddy.person('ada')
    const origin = { address: '127.0.0.1', source: '127.0.0.1', network: null, agent: 'test' }
    const limits = { ...unlimited, tokens_per_day: 1000 }
    const wish = { userId: ada.id, name: 'k', scopes: ['responses'], expiresAt: null, limits }
    const made = await makeApiKey({ app, origin, now: freddy.now() }, wish)
    const model = await startModelServer()
    context.after(() => model.close())
    const arrived = new Promise<void>((resolve) => model.behave(() => resolve()))
    const server = await startProcess({
      DATA_DIR: app.config.dataDir,
      ...(app.config.databaseUrl ? { DATABASE_URL: app.config.databaseUrl } : {}),
      SMTP_URL: freddy.mail.url,
      UPSTREAM_URL: model.url,
    })
    context.after(() => server.kill())
    const question = { model: 'any', input: 'hello', max_output_tokens: 100 }
    const lost = call(server.base, '/v1/responses', question, { 'api-key': made?.key ?? '' })
    await arrived
    await server.kill()
    assert.equal(await lost, null)

    const [hold] = await freddy.database.read<HoldRow>('SELECT * FROM holds')
    assert.ok(hold)
    const caller = { userId: ada.id, keyId: made?.row.id ?? '' }
    await settleOverdue(app, hold.lease_until - 1)
    const [open] = await standing(app, { ...caller, limits }, hold.created_at)
    assert.deepEqual([open?.used, open?.held], [hold.input_tokens + 100, hold.input_tokens + 100])
    // Every server of the place looks, and all of them may find it.
    await Promise.all([settleOverdue(app, hold.lease_until), settleOverdue(app, hold.lease_until)])
    const [over] = await standing(app, { ...caller, limits }, hold.created_at)
    assert.deepEqual([over?.used, over?.held], [hold.input_tokens + 100, 0])
    const told = await explain(app, hold.request_id, caller)
    assert.match(told?.sentence ?? '', /never finished here, and is booked at the most/)
    const [sum] = await app.store.usage.listSums(caller, 'key', 0, Number.MAX_SAFE_INTEGER)
    assert.equal(sum?.calls, 1)
  },
)

scene('what is written twice, since nobody knew whether it was, counts once', async (freddy) => {
  const { app } = freddy.running
  const ada = await freddy.person('ada')
  const limits = { ...unlimited, tokens_per_day: 1000 }
  const caller = { userId: ada.id, keyId: null }
  await app.store.allowances.appoint(ada.id, limits, suspected(freddy.now(), 'user.budget'))
  const most = { inputTokens: 10, outputTokens: 20, money: 0 }
  const spending = { ...caller, requestId: 'req_1', limits: null, model: 'm', most }
  const held = await reserve({ app, now: freddy.now() }, spending)
  const { book } = app.store.ledger
  const written: BookingGroup[] = []
  const store: QueueStore = {
    reserve: app.store.ledger.reserve,
    async book(group) {
      written.push(group)
      await book(group)
      if (written.length === 1) throw new DatabaseUnavailable('it went before the answer came')
    },
  }
  const usage = createUsageQueue(store, freddy.now, nothingIsDropped)
  await assert.rejects(async () => settle({ ...app, usage }, held, { ...most, outputTokens: 5 }))
  await usage.flush()
  assert.equal(written.length, 2)
  const [day] = await standing(app, { ...caller, limits: null }, freddy.now())
  assert.deepEqual([day?.used, day?.held], [15, 0])
})

scene(
  'an entry that the database does not take keeps no other from the bill, nor a hold another',
  async (freddy) => {
    const { app } = freddy.running
    const { token } = await freddy.signIn(await freddy.person('ada'))
    const { body: key } = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'bulk' } })
    const most = { inputTokens: 10, outputTokens: 20, money: 0 }
    const limits = { ...unlimited, tokens_per_day: 1000 }
    const userId = (await freddy.ask('GET /v1/auth/check', { token })).body.user_id
    const ask = (index: number, inputTokens: number) =>
      reserve(
        { app, now: freddy.now() },
        {
          requestId: `req_${index}`,
          userId,
          keyId: key.id,
          limits,
          model: 'm',
          most: { ...most, inputTokens },
        },
      )
    // Too large for its column on both databases: no whole number, and one past 64 bits.
    const asked = await Promise.allSettled(
      [10, 0.5, 1e300, 10].map((tokens, at) => ask(at, tokens)),
    )
    assert.deepEqual(
      asked.map(({ status }) => status),
      ['fulfilled', 'rejected', 'rejected', 'fulfilled'],
    )
    for (const [index, one] of asked.entries()) {
      if (one.status === 'rejected') continue
      const used = index === 0 ? { ...most, outputTokens: 0.5 } : most
      await settle(app, one.value, used)
    }
    const about = { userId, keyId: null, limits: null, model: 'm' }
    for (const money of [0, 0.5, 0, 0]) {
      const held = await reserve({ app, now: freddy.now() }, { ...about, requestId: 'free', most })
      await settle(app, held, { ...most, money })
    }
    await app.usage.flush()
    const shown = await freddy.ask('GET /v1/usage?by=key', { token })
    assert.equal(shown.body.total.calls, 4, shown.text)
    const dropped = freddy.log.filter((line) => line.includes('usage.dropped'))
    assert.deepEqual(
      dropped.map((line) => JSON.parse(line).requestId),
      ['req_0', 'free'],
    )

    // What was held for the one that was dropped is booked when its time is over.
    freddy.pass(HOUR)
    await settleOverdue(app, freddy.now())
    const lost = await app.store.usage.find('req_0', { userId, keyId: null })
    assert.deepEqual([lost?.outcome, lost?.input_tokens], ['estimated', 10])
  },
)

scene('a flush ends, however many calls are added meanwhile', async (freddy) => {
  const { app } = freddy.running
  const { id } = await freddy.person('ada')
  const at = { app, now: freddy.now() }
  const most = { inputTokens: 10, outputTokens: 20, money: 0 }
  const spending = { userId: id, keyId: null, limits: null, requestId: 'r', model: 'm', most }
  const held = await reserve(at, spending)
  let rounds = 0
  const store: QueueStore = {
    reserve: app.store.ledger.reserve,
    async book(group) {
      rounds += 1
      if (rounds > 5) throw new DatabaseUnavailable('this flush has no end')
      await settle({ ...app, usage }, held, most)
      await app.store.ledger.book(group)
    },
  }
  const usage: UsageQueue = createUsageQueue(store, freddy.now, nothingIsDropped)
  await settle({ ...app, usage }, held, most)
  await usage.flush()
  assert.ok(usage.holds(id), 'what came meanwhile is left to the next one')
  await usage.flush()
  assert.equal(rounds, 2)
})

test('what a call may come to is no less than what its body lets the model do', () => {
  const chat = '/chat/completions'
  assert.equal(mostOutput('/responses', { max_output_tokens: 100, max_tokens: 5 }, null), 100)
  assert.equal(
    mostOutput('/responses', { max_tokens: 5 }, 8000),
    8000,
    'a name that is not heeded there',
  )
  assert.equal(mostOutput(chat, { max_output_tokens: 5 }, null), 4096)
  assert.equal(mostOutput(chat, { max_tokens: 5, max_completion_tokens: 70 }, null), 70)
  assert.equal(mostOutput(chat, { max_tokens: 50, n: 4 }, null), 200)
  assert.equal(mostOutput(chat, { max_tokens: 999_999_999, n: 128 }, 8000), 8000 * 128)
  assert.equal(mostOutput(chat, { max_tokens: 999_999_999, n: 999_999_999 }, null), 999_999_999)
  assert.equal(mostOutput('/embeddings', { max_tokens: 50 }, 8000), 0)
  assert.equal(mostInput(Buffer.from('{"input":"12345"}'), 8000), 5)
  for (const name of ['previous_response_id', 'image_url', 'file_id']) {
    assert.equal(mostInput(Buffer.from(`{"${name}" : "x"}`), 8000), 8000, name)
  }
})
