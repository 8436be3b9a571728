import assert from 'node:assert/strict'
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { makeApiKey, unlimited } from '../src/auth/api-key.ts'
import { suspected } from '../src/auth/audit.ts'
import { movesOf } from '../src/responses/explanation.ts'
import type { KeptHoldRow, UsageRow } from '../src/store/ledger.ts'
import type { SpendingLimits, SpendingRow } from '../src/store/spending.ts'
import {
  type BillingModel,
  type Charge,
  type Fate,
  fates,
  type Plan,
  startBillingModel,
} from './billing-model.ts'
import { type Freddy, scene } from './freddy.ts'
import { type Dice, seeded } from './fuzz-values.ts'

const SEED = 20_261_124
const CALLS = 5000
const AT_ONCE = 60
/** Fewer failures of one model server than make the others leave it alone. */
const FAILURES_EACH = 4
const price = { input: 1.5, output: 4 }

interface Payer {
  readonly user: string
  readonly key: string | null
  readonly headers: Record<string, string>
  readonly limits: SpendingLimits
}

interface Call {
  readonly id: string
  readonly payer: Payer
  readonly plan: Plan
  readonly model: string
  /** The most it may come to, tokens. */
  readonly most: number
  readonly begunAt: number
  /** Its place among the ends; null while it runs. */
  endedAt: number | null
  status: number
  details: { level: string; limit: string; used: number; most: number } | null
}

scene(
  'five thousand calls that are cut, repeated, refused and lied about: the ledger is the bill, to the last token',
  async (freddy) => {
    const billing = await startBillingModel()
    const agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE })
    try {
      const payers = await makePayers(freddy)
      nameModels(freddy, billing)
      await freddy.running.http.listen({ port: 0, host: '127.0.0.1' })
      const { port } = freddy.running.http.server.address() as AddressInfo
      const calls = await storm(payers, billing, { agent, port })
      while (freddy.running.app.upstreams.open > 0) await new Promise((go) => setImmediate(go))
      await freddy.running.app.usage.flush()
      await judge(freddy, billing, payers, calls)
      await judgeRoom(freddy, billing.bill, payers, calls)
    } finally {
      agent.destroy()
      await billing.model.close()
    }
  },
  { env: { UPSTREAM_ALLOW: '127.0.0.0/8', LIMITS: 'requests=off' } },
)

/** Two people without a budget and one with, whose keys have caps of both kinds, or none. */
async function makePayers(freddy: Freddy): Promise<Payer[]> {
  const { app } = freddy.running
  const origin = { address: '127.0.0.1', source: '127.0.0.1', network: null, agent: 'test' }
  const call = { app, now: freddy.now(), origin }
  const caps: Record<string, Partial<SpendingLimits>[]> = {
    ada: [{ tokens_per_day: 15_000 }, { money_per_month: 30_000 }, {}],
    bob: [{ tokens_per_month: 12_000 }, {}],
    eve: [{ tokens_per_day: 20_000, money_per_day: 25_000 }],
  }
  const payers: Payer[] = []
  for (const [name, keys] of Object.entries(caps)) {
    const person = await freddy.person(name)
    const { token } = await freddy.signIn(person)
    const session = { authorization: `Bearer ${token}` }
    payers.push({ user: person.id, key: null, headers: session, limits: unlimited })
    for (const some of keys) {
      const limits = { ...unlimited, ...some }
      const wish = { userId: person.id, name: 'k', scopes: ['responses'], expiresAt: null, limits }
      const made = await makeApiKey(call, wish)
      assert.ok(made)
      const headers = { 'api-key': made.key }
      payers.push({ user: person.id, key: made.row.id, headers, limits })
    }
  }
  const bob = payers.find(({ limits }) => limits.tokens_per_month)?.user ?? ''
  const budget = { ...unlimited, tokens_per_day: 60_000 }
  await app.store.allowances.appoint(bob, budget, suspected(freddy.now(), 'user.budget'))
  return payers
}

/** Servers by many names and one address, since one that fails again and again is left alone. */
function nameModels({ running }: Freddy, { model }: BillingModel): void {
  const standard = { name: 'standard', url: model.url, apiKey: 'sk-ours' }
  const names = [
    'priced',
    ...Array.from({ length: CALLS / FAILURES_EACH }, (_, index) => `weak-${index}`),
  ]
  const models = names.map((name) => ({
    name,
    upstream: { ...standard, name },
    upstreamModel: name,
    inputPrice: price.input,
    outputPrice: price.output,
    context: null,
  }))
  Object.assign(running.app.models, { standard, models, upstreams: [standard] })
}

async function storm(
  payers: readonly Payer[],
  billing: BillingModel,
  place: { agent: Agent; port: number },
): Promise<Call[]> {
  const dice = seeded(SEED)
  const calls: Call[] = []
  let failures = 0
  let ends = 0
  const one = async () => {
    const plan = planWith(dice)
    const isWeak = plan.fate === 'failing' || plan.fate === 'stream reset'
    const model = isWeak
      ? `weak-${Math.floor(failures++ / FAILURES_EACH)}`
      : dice.pick(['priced', 'free'])
    const path = plan.fate.startsWith('stream')
      ? 'responses'
      : dice.pick(['responses', 'embeddings'])
    const bound = 150 + dice.below(250)
    const body = JSON.stringify({
      model,
      input: 'w'.repeat(dice.below(400)),
      max_output_tokens: bound,
      ...(plan.fate.startsWith('stream') ? { stream: true } : {}),
      plan: path === 'embeddings' ? { ...plan, output: 0 } : plan,
    })
    const call: Call = {
      id: `call-${calls.length}`,
      payer: dice.pick(payers),
      plan,
      model,
      most: Math.ceil(Buffer.byteLength(body) / 4) + (path === 'embeddings' ? 0 : bound),
      begunAt: ends,
      endedAt: null,
      status: 0,
      details: null,
    }
    calls.push(call)
    await ask(call, { ...place, path: `/v1/${path}`, body: asSent(body, path) }, billing)
    call.endedAt = ++ends
  }
  const worker = async () => {
    while (calls.length < CALLS) await one()
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
  return calls
}

/** An embedding has no bound, and a plain one that is left owes its question. */
const asSent = (body: string, path: string) =>
  path === 'embeddings' ? body.replace(/"max_output_tokens":\d+/, '"max_output_tokens":0') : body

function planWith(dice: Dice): Plan {
  const fate: Fate = dice.pick(fates)
  return { fate, events: 1 + dice.below(12), input: 1 + dice.below(30), output: dice.below(150) }
}

async function ask(
  call: Call,
  place: { agent: Agent; port: number; path: string; body: string },
  billing: BillingModel,
): Promise<void> {
  const { agent, port, path, body } = place
  const headers = {
    ...call.payer.headers,
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(body),
    'x-request-id': call.id,
  }
  const asked = request({ agent, port, host: '127.0.0.1', path, method: 'POST', headers })
  asked.end(body)
  const answered = answerOf(asked)
  if (call.plan.fate.endsWith('left')) {
    // Either it arrives at the model and is left there, or it is refused before.
    const answer = await Promise.race([billing.arrived(call.id), answered])
    if (!answer) asked.destroy()
  }
  const answer = await answered
  if (!answer) return
  call.status = answer.statusCode ?? 0
  await hear(call, asked, answer, billing)
}

function answerOf(asked: ClientRequest): Promise<IncomingMessage | null> {
  return new Promise((resolve) => {
    asked.once('response', resolve)
    asked.once('error', () => resolve(null))
  })
}

/** Reads the answer, or as much of it as is planned. */
async function hear(
  call: Call,
  asked: ClientRequest,
  answer: IncomingMessage,
  billing: BillingModel,
): Promise<void> {
  const { fate, events } = call.plan
  const cutAfter = fate === 'stream told, then cut' ? events + 1 : events
  let text = ''
  try {
    for await (const chunk of answer) {
      text += chunk
      if (call.status !== 200 || text.split('data:').length - 1 < cutAfter) continue
      if (fate === 'stream reset') billing.reset(call.id)
      if (fate.endsWith('cut')) asked.destroy()
    }
  } catch (cause) {
    assert.ok(fate.endsWith('cut'), `${fate}: ${String(cause)}`)
  }
  if (call.status === 402) call.details = JSON.parse(text).error.details
}

/** Both sides of the books, and the bill beside them. */
async function judge(
  freddy: Freddy,
  { bill }: BillingModel,
  payers: readonly Payer[],
  calls: readonly Call[],
): Promise<void> {
  const entries = await freddy.database.read<UsageRow>('SELECT * FROM usage_entries')
  const holds = await freddy.database.read<KeptHoldRow>('SELECT * FROM holds')
  const byRequest = new Map(entries.map((entry) => [entry.request_id, entry]))
  assert.equal(byRequest.size, entries.length, 'one entry a call')
  for (const call of calls) {
    const entry = byRequest.get(call.id)
    const charge = bill.get(call.id) ?? { input: 0, output: 0 }
    const told = `${call.id} ${call.plan.fate} ${call.status}`
    assert.ok(entry, told)
    assert.deepEqual([entry.input_tokens, entry.output_tokens], [charge.input, charge.output], told)
    assert.equal(entry.money, moneyFor(call, charge), told)
    assert.equal(entry.outcome, outcomeOf(call), told)
    assert.equal(
      [402].includes(call.status) && bill.has(call.id),
      false,
      'what is refused is not asked',
    )
  }
  const settled = new Map(holds.map((hold) => [hold.settled_by, hold]))
  const accounts = { free: 0, held: 0, spent: 0 }
  for (const entry of entries) {
    for (const { from, to, tokens } of movesOf(settled.get(entry.id) ?? null, entry)) {
      accounts[from] -= tokens
      accounts[to] += tokens
    }
  }
  const billed = [...bill.values()].reduce((sum, { input, output }) => sum + input + output, 0)
  assert.deepEqual(accounts, { free: -billed, held: 0, spent: billed })
  assert.ok(billed > 100_000)
  const seen = new Set(calls.map(({ status }) => status))
  for (const status of [0, 200, 400, 402, 502]) assert.ok(seen.has(status), `${status}`)
  assert.deepEqual(
    [...seen].filter((status) => ![0, 200, 400, 402, 502].includes(status)),
    [],
  )
  await judgeCounters(freddy, payers, entries)
}

/** The counters say what the entries add up to, and nothing is held any more. */
async function judgeCounters(
  { database }: Freddy,
  payers: readonly Payer[],
  entries: readonly UsageRow[],
): Promise<void> {
  const columns = 'period, held_tokens, spent_tokens, held_money, spent_money'
  const rows = await database.read<SpendingRow>(
    `SELECT key_id AS owner, ${columns} FROM spending UNION ALL SELECT user_id AS owner, ${columns} FROM person_spending`,
  )
  const owners = payers.flatMap(({ user, key }) => [user, ...(key ? [key] : [])])
  assert.equal(rows.length, 2 * new Set(owners).size)
  for (const row of rows) {
    const mine = entries.filter(({ user_id, key_id }) => [user_id, key_id].includes(row.owner))
    const tokens = mine.reduce((sum, entry) => sum + entry.input_tokens + entry.output_tokens, 0)
    const money = mine.reduce((sum, entry) => sum + entry.money, 0)
    assert.deepEqual(
      [row.held_tokens, row.spent_tokens, row.held_money, row.spent_money],
      [0, tokens, 0, money],
      `${row.owner} ${row.period}`,
    )
  }
}

/** No cap is passed by more than one call, none refuses while there is room, and some do refuse. */
async function judgeRoom(
  { running }: Freddy,
  bill: BillingModel['bill'],
  payers: readonly Payer[],
  calls: readonly Call[],
): Promise<void> {
  const most = Math.max(...calls.map((call) => call.most))
  let reached = 0
  for (const payer of payers) {
    const answer = await running.http.inject({
      method: 'GET',
      url: '/v1/usage',
      headers: { host: 'localhost', ...payer.headers },
    })
    if (payer.key !== null) continue
    for (const { limit, used, held, most: cap } of answer.json().limits) {
      const dearest = limit.startsWith('money') ? most * price.output : most
      assert.equal(held, 0)
      assert.ok(used < cap + dearest, `${limit}: ${used} of ${cap}`)
      if (used >= cap) reached += 1
    }
  }
  assert.ok(reached >= 4, `${reached} caps were reached`)
  const refusals = calls.filter(({ details }) => details)
  assert.ok(refusals.length > 100)
  for (const call of refusals) assert.ok(isDue(call, calls, bill), call.id)
}

/** Whether what was spent, and what calls beside this one could come to, reached the limit that refused it. */
function isDue(
  { payer, details, endedAt, begunAt }: Call,
  calls: readonly Call[],
  bill: BillingModel['bill'],
): boolean {
  if (!details || details.used < details.most) return false
  const isMoney = details.limit.startsWith('money')
  const sum = calls
    .filter(({ payer: { key, user } }) =>
      details.level === 'key' ? key === payer.key : user === payer.user,
    )
    .filter((other) => other.status !== 402 && other.begunAt < (endedAt ?? 0))
    .reduce((total, other) => {
      const isOpen = other.endedAt === null || other.endedAt > begunAt - AT_ONCE
      const { input, output } = bill.get(other.id) ?? { input: 0, output: 0 }
      const tokens = isOpen ? other.most : input + output
      return (
        total +
        (isMoney && !isOpen
          ? moneyFor(other, { input, output })
          : tokens * (isMoney ? price.output : 1))
      )
    }, 0)
  return sum >= details.most
}

function moneyFor({ model }: Call, { input, output }: Charge): number {
  return model === 'free' ? 0 : Math.ceil(input * price.input + output * price.output)
}

function outcomeOf({ status, plan: { fate } }: Call): UsageRow['outcome'] {
  if (status === 402) return 'refused'
  if (fate === 'refused' || fate === 'failing') return 'failed'
  if (['told', 'busy', 'stream told', 'stream told, then cut'].includes(fate)) return 'settled'
  return 'estimated'
}
