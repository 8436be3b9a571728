import { type Budget, budgets } from '../limits.ts'
import { erasePlaces } from './audit.ts'
import { STAMP, stamp } from './budgets.ts'
import type { Database, Params } from './database.ts'
import { eraseFacts } from './events.ts'

/** Counters of names that are nobody's: what strangers choose may not fill the disk. */
const MOST_STRANGER_BUDGETS = 200_000
const MOST_AT_ONCE = 1000
/** Rows of a kind in one sweep: more rows a minute than a server can be made to write. */
const MOST_ROWS = 60 * MOST_AT_ONCE
const HOUR = 3_600_000
const DAY = 86_400_000
/** A session is kept as long as somebody may ask why it ended, or where its person was before. */
const ENDED_KEPT_MS = 90 * DAY
/** No request is under way longer, and no server away unnoticed. */
const LATE_MS = DAY

/** What a call held is kept as long as somebody may ask what became of it. */
const EXPLAINED_MS = 30 * DAY
/** A device that was not used for so long is known no more (auth/device.ts). */
const DEVICES_KEPT_MS = 180 * DAY
/** Longer than a year, so that a year can be looked back at. */
const USAGE_KEPT_MS = 400 * DAY
/** What a key made is shown that long after its end. */
const CHILDREN_KEPT_MS = 30 * DAY
/** No secret that was replaced opens so long. */
const CALLERS_KEPT_MS = 31 * DAY

/** What the operator says about it. */
export interface KeptFor {
  readonly auditDays: number
  /** 30 when absent. */
  readonly eventDays?: number
}

export interface SweepStore {
  /** Deletes what is over, a thousand rows at a time. The number of rows that went. */
  expired(now: number, kept: KeptFor): Promise<number>
}

const placed = 'e.actor IS NULL AND e.source IS NOT NULL'

/** Cast, since PostgreSQL takes what is set off against a small number for a small number. */
const at = 'CAST(:now AS BIGINT)'

/** Rows that are over, by table. An audit row goes only once the chain has passed it. */
const over: readonly (readonly [table: string, condition: string])[] = [
  ['budgets', 'expires_at <= :now'],
  ['registrations', 'expires_at <= :now'],
  ['name_claims', 'expires_at <= :now'],
  ['challenges', `resend_until <= ${at} - ${DAY} AND code_expires_at <= ${at} - ${DAY}`],
  ['sessions', `ended_at <= ${at} - ${ENDED_KEPT_MS} OR expires_at <= ${at} - ${ENDED_KEPT_MS}`],
  ['devices', `last_used_at <= ${at} - ${DEVICES_KEPT_MS}`],
  ['held_addresses', 'expires_at <= :now'],
  ['invitations', `expires_at <= ${at} - ${DAY}`],
  ['pairings', `expires_at <= ${at} - ${DAY}`],
  ['mail_links', `expires_at <= ${at} - ${DAY}`],
  ['mail_stops', 'expires_at <= :now'],
  ['panics', `expires_at <= ${at} - ${ENDED_KEPT_MS}`],
  ['outbox', `expires_at <= ${at} - ${DAY}`],
  // Of somebody who was deleted while it was written.
  [
    'outbox',
    'user_id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = outbox.user_id)',
  ],
  ['audit_events', 'happened_at <= :audit_until AND position IS NOT NULL'],
  ['webhook_deliveries', 'created_at <= :events_until'],
  ['events', 'position IS NOT NULL AND happened_at <= :events_until'],
  ['signing_keys', `retired_at <= ${at} - ${2 * DAY}`],
  // The newest stays: where numbers are counted from.
  ['changes', `happened_at <= ${at} - ${HOUR} AND txid < (SELECT max(txid) FROM changes)`],
  ['revocations', `ended_at <= ${at} - ${2 * DAY}`],
  ['holds', `lease_until <= ${at} - ${EXPLAINED_MS} AND settled_by IS NOT NULL`],
  ['budget_raises', `expires_at <= ${at} - ${DAY}`],
  ['spending', `starts_at <= ${at} - ${USAGE_KEPT_MS}`],
  ['person_spending', `starts_at <= ${at} - ${USAGE_KEPT_MS}`],
  ['former_secret_callers', `last_seen_at <= ${at} - ${CALLERS_KEPT_MS}`],
  ['api_keys', `parent_id IS NOT NULL AND expires_at <= ${at} - ${CHILDREN_KEPT_MS}`],
  ['booked_groups', `booked_at <= ${at} - ${2 * DAY}`],
  ['usage_entries', `happened_at <= ${at} - ${USAGE_KEPT_MS}`],
]

export function createSweepStore(
  database: Database,
  mostStrangers = MOST_STRANGER_BUDGETS,
): SweepStore {
  const keyOf = (table: string) =>
    ({
      budgets: 'key',
      registrations: 'address',
      name_claims: 'user_name',
      spending: "key_id || ' ' || period || ' ' || starts_at",
      person_spending: "user_id || ' ' || period || ' ' || starts_at",
      held_addresses: 'address',
      changes: 'txid',
    })[table] ?? 'id'

  const remove = async (table: string, condition: string, params: Params, most = MOST_AT_ONCE) => {
    const key = keyOf(table)
    const rows = await database.write(
      `DELETE FROM ${table} WHERE ${key} IN
        (SELECT ${key} FROM ${table} WHERE ${condition} LIMIT ${most}) RETURNING ${key}`,
      params,
    )
    return rows.length
  }

  /** In bites, so that nobody waits for all of it; the rest comes with the next sweep. */
  const removeAll = async (table: string, condition: string, params: Params, all = MOST_ROWS) => {
    let gone = 0
    while (gone < all) {
      const most = Math.min(MOST_AT_ONCE, all - gone)
      const went = await remove(table, condition, params, most)
      gone += went
      if (went < most) break
    }
    return gone
  }

  /** Past the most, those that were idle longest go, as many as it takes; one that is spent stays until its time. */
  const evictStrangers = async (now: number) => {
    const [row] = await database.read<{ count: number }>(
      'SELECT count(*) AS count FROM budgets WHERE user_id IS NULL',
    )
    const excess = Math.min((row?.count ?? 0) - mostStrangers, MOST_ROWS)
    if (excess <= 0) return 0
    const idle = `user_id IS NULL AND NOT (${spent(now)})`
    // Where those that go end is found once: to sort them for each bite would cost more than the bite.
    const [last] = await database.read<{ stamp: string }>(
      `SELECT stamp FROM (SELECT substr(log, 1, ${STAMP}) AS stamp FROM budgets WHERE ${idle}
        ORDER BY stamp LIMIT :excess) AS oldest ORDER BY stamp DESC LIMIT 1`,
      { excess },
    )
    if (!last) return 0
    const { stamp: until } = last
    return removeAll('budgets', `${idle} AND substr(log, 1, ${STAMP}) <= :until`, { until }, excess)
  }

  return {
    async expired(now, { auditDays, eventDays = 30 }) {
      const params = {
        now,
        audit_until: now - auditDays * DAY,
        events_until: now - eventDays * DAY,
      }
      let gone = await evictStrangers(now)
      await eraseLate(database, now)
      for (const [table, condition] of over) gone += await removeAll(table, condition, params)
      return gone
    },
  }
}

/**
 * A request that was under way while its person was deleted may have told of them once more, and a server that died
 * then did not come to the end.
 */
async function eraseLate(database: Database, now: number): Promise<void> {
  const gone = await database.read<{ user_id: string }>(
    `SELECT DISTINCT user_id FROM audit_events gone
     WHERE event = 'user.deleted' AND happened_at > :since AND (
       EXISTS (SELECT 1 FROM audit_events e WHERE e.user_id = gone.user_id AND ${placed})
       OR EXISTS (SELECT 1 FROM audit_events e WHERE e.subject_id = gone.user_id AND ${placed})
       OR EXISTS (SELECT 1 FROM audit_events e WHERE e.actor = gone.user_id AND e.source IS NOT NULL))`,
    { since: now - LATE_MS },
  )
  for (const { user_id } of gone) await erasePlaces(database, user_id)
  const told = await database.read<{ user_id: string }>(
    `SELECT DISTINCT user_id FROM audit_events gone WHERE event = 'user.deleted' AND happened_at > :since AND EXISTS (
       SELECT 1 FROM events e WHERE e.user_id = gone.user_id AND e.facts IS NOT NULL AND e.type <> 'user.deleted')`,
    { since: now - LATE_MS },
  )
  for (const { user_id } of told) await eraseFacts(database, user_id)
}

/**
 * Whether forgetting a row would hand out tries: it has no room left in some window, or had too many tries in a
 * row. Each row is held against its own budget, as the statement that counts holds it (store/budgets.ts).
 */
function spent(now: number): string {
  return Object.entries<Budget>(budgets)
    .map(([name, { windows, streak }]) => {
      const full = windows.map(
        ({ tries, withinMs }) =>
          `substr(log, ${(tries - 1) * STAMP + 1}, ${STAMP}) > '${stamp(now - withinMs)}'`,
      )
      const inARow = streak ? [`streak >= ${streak.after}`] : []
      return `(name = '${name}' AND (${[...full, ...inARow].join(' OR ')}))`
    })
    .join(' OR ')
}
