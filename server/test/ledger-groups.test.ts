import assert from 'node:assert/strict'
import { test } from 'node:test'
import { reserve, settle } from '../src/responses/ledger.ts'
import { createUsageQueue } from '../src/responses/usage-queue.ts'
import type { BookingGroup } from '../src/store/bookings.ts'
import { DatabaseUnavailable } from '../src/store/database.ts'
import { createLedgerStore, type UsageRow } from '../src/store/ledger.ts'
import { placesOf } from '../src/store/places.ts'
import { type Addition, spendIn } from '../src/store/spending.ts'
import { DAY, type Freddy, scene } from './freddy.ts'

type Fate = 'kept' | 'kept, unheard' | 'lost'

/** People whose calls have no cap, and a queue to a database that does with each group what the next fate says. */
async function open(freddy: Freddy, names: readonly string[]) {
  const ids: string[] = []
  for (const name of names) ids.push((await freddy.person(name)).id)
  const { app } = freddy.running
  const groups: BookingGroup[] = []
  const dropped: string[] = []
  const fates: Fate[] = []
  const store = {
    reserve: app.store.ledger.reserve,
    async book(group: BookingGroup) {
      groups.push(group)
      const fate = fates.shift() ?? 'kept'
      if (fate !== 'lost') await app.store.ledger.book(group)
      if (fate !== 'kept') throw new DatabaseUnavailable('no answer came')
    },
  }
  const usage = createUsageQueue(store, freddy.now, ({ request_id }: UsageRow) => {
    dropped.push(request_id)
  })
  const at = { app: { ...app, usage }, now: freddy.now() }
  const call = async (who: number, requestId: string, inputTokens = 1) => {
    const most = { inputTokens: 10, outputTokens: 20, money: 0 }
    const about = { userId: ids[who] ?? '', keyId: null, limits: null, model: 'm', requestId, most }
    await settle(at.app, await reserve(at, about), { inputTokens, outputTokens: 0, money: 0 })
  }
  /** Of each person the calls, and what the counters of the day and of the month say. */
  const bill = async () => {
    const rows = ids.map((id) =>
      freddy.database.read<{ calls: number; day: number; month: number }>(
        `SELECT (SELECT count(*) FROM usage_entries WHERE user_id = :id) AS calls,
           (SELECT spent_tokens FROM person_spending WHERE user_id = :id AND period = 'day') AS day,
           (SELECT spent_tokens FROM person_spending WHERE user_id = :id AND period = 'month') AS month`,
        { id },
      ),
    )
    return (await Promise.all(rows)).map(([row]) => [row?.calls, row?.day, row?.month])
  }
  return { ids, usage, groups, dropped, fates, call, bill }
}

scene(
  'a group that was written, though nobody heard of it, counts once, whoever of it is deleted meanwhile',
  async (freddy) => {
    const { ids, usage, groups, dropped, fates, call, bill } = await open(freddy, [
      'ada',
      'bob',
      'eve',
    ])
    for (let round = 0; round < 4; round++) for (const who of [0, 1, 2]) await call(who, 'first')
    fates.push('kept, unheard', 'lost')
    await assert.rejects(usage.flush())
    const first = groups[0]?.bookings[0]?.usage.user_id
    await freddy.database.write('DELETE FROM users WHERE id = :id', { id: first ?? '' })
    for (const who of [0, 1, 2]) await call(who, 'second')
    await assert.rejects(usage.flush())
    await usage.flush()
    assert.deepEqual([groups[1], groups[2], dropped], [groups[0], groups[0], []])
    assert.deepEqual(
      await bill(),
      ids.map((id) => (id === first ? [0, null, null] : [5, 5, 5])),
    )
  },
)

scene(
  'an entry that no database takes is dropped alone, also when it falls silent half-way',
  async (freddy) => {
    const { usage, groups, dropped, fates, call, bill } = await open(freddy, ['ada', 'bob', 'eve'])
    for (let round = 0; round < 4; round++) {
      for (const who of [0, 1, 2]) await call(who, `${who} ${round}`, who + round === 3 ? 0.5 : 1)
    }
    await call(0, 'last')
    const day: Fate[] = ['kept', 'lost', 'kept', 'kept, unheard']
    fates.push(...day, ...day, ...day)
    for (const _ of fates.filter((fate) => fate !== 'kept')) {
      await usage.flush().catch((cause) => assert.ok(cause instanceof DatabaseUnavailable))
    }
    await usage.flush()
    assert.ok(fates.length === 0 && groups.length > 12, 'it fell silent six times')
    assert.deepEqual(dropped.sort(), ['0 3', '1 2', '2 1'])
    assert.deepEqual(await bill(), [
      [4, 4, 4],
      [3, 3, 3],
      [3, 3, 3],
    ])
  },
)

scene('calls of one person in one group are one move of each counter', async (freddy) => {
  const { usage, call, bill, groups } = await open(freddy, ['ada', 'bob'])
  for (let round = 0; round < 700; round++) for (const who of [0, 1]) await call(who, 'r', 1 + who)
  await usage.flush()
  assert.deepEqual(
    groups.map(({ bookings }) => bookings.length),
    [1000, 400],
  )
  assert.deepEqual(await bill(), [
    [700, 700, 700],
    [700, 1400, 1400],
  ])
})

scene(
  'two servers that book the same people at once lose nothing and wait for nobody',
  async (freddy) => {
    const ids: string[] = []
    for (let index = 0; index < 8; index++) ids.push((await freddy.person(`person${index}`)).id)
    const now = freddy.now()
    const book = (server: number, round: number) => {
      const mine = server ? ids : ids.toReversed()
      const bookings = mine.map((userId) => {
        const id = `use_${server} ${round} ${userId}`
        return { usage: entryOf(id, userId, now), parentId: null, hold: null }
      })
      return createLedgerStore(freddy.database).book({
        id: `grp_${server} ${round}`,
        formedAt: now,
        bookings,
      })
    }
    await Promise.all(Array.from({ length: 40 }, (_, index) => book(index % 2, index)))
    const [sum] = await freddy.database.read(
      'SELECT count(*) AS counters, min(spent_tokens) AS least, max(spent_tokens) AS most FROM person_spending',
    )
    assert.deepEqual({ ...sum }, { counters: 16, least: 40, most: 40 })
  },
)

function entryOf(id: string, userId: string, now: number): UsageRow {
  const amount = { input_tokens: 1, output_tokens: 0, money: 0 }
  const told = { outcome: 'settled', reason: null, looked: null } as const
  const about = { id, request_id: 'r', user_id: userId, key_id: null, model: 'm', happened_at: now }
  return { ...about, ...amount, ...told }
}

test('every process takes counters in one order, each once, whatever it was handed', () => {
  const places = ['usr_1', 'usr_2'].flatMap((userId) =>
    ['ak_1', 'ak_2'].flatMap((keyId) =>
      placesOf({ userId, keyId, parentId: 'ak_2' }, 20_000 * DAY),
    ),
  )
  const additions = places.map((place): Addition => ({ ...place, tokens: 2, money: 3 }))
  const taken = spendIn(additions)
  assert.deepEqual(spendIn(additions.toReversed()), taken)
  const [persons, keys] = taken.map(({ rows }) => rows)
  assert.deepEqual(
    persons?.map(([owner, period, , tokens, money, turn]) => [owner, period, tokens, money, turn]),
    [
      ['usr_1', 'day', 4, 6, 0],
      ['usr_1', 'month', 4, 6, 1],
      ['usr_2', 'day', 4, 6, 2],
      ['usr_2', 'month', 4, 6, 3],
    ],
  )
  assert.deepEqual(
    keys?.map(([owner, period, , tokens]) => [owner, period, tokens]),
    [
      ['ak_1', 'day', 4],
      ['ak_1', 'month', 4],
      ['ak_2', 'day', 12],
      ['ak_2', 'month', 12],
    ],
  )
})
