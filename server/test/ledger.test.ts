import assert from 'node:assert/strict'
import { unlimited } from '../src/auth/key-limits.ts'
import { ApiError } from '../src/errors.ts'
import { abandon, remaining, reserve, settle, settleOverdue } from '../src/responses/ledger.ts'
import { HOUR, scene } from './freddy.ts'

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
    assert.equal((await remaining(app, key.id, limits, freddy.now()))[0]?.left, 0)
    const [sum] = await app.store.usage.listSums(ada.id, 'key', 0, freddy.now() + 1)
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
  assert.equal(await app.store.usage.find('req_1', ada.id), null)
  freddy.pass(HOUR)
  await settleOverdue(app, freddy.now())
  await settle(app, held, most)
  const [sum] = await app.store.usage.listSums(ada.id, 'key', 0, freddy.now() + 1)
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
    assert.equal((await app.store.usage.listSums(ada.id, 'model', 0, until)).length, 0)
    await app.usage.flush()
    const [sum] = await app.store.usage.listSums(ada.id, 'model', 0, until)
    assert.deepEqual([sum?.name, sum?.input_tokens, sum?.output_tokens], ['echo-1', 2, 2])
  },
)
