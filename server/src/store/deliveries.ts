import type { AuditEvent } from './audit.ts'
import { recordEvent } from './audit.ts'
import type { Database, Params, Statement } from './database.ts'
import type { EventRow } from './events.ts'

/** An event on its way to an endpoint, leased to a worker. */
export interface LeasedDelivery extends EventRow {
  readonly delivery_id: string
  readonly lane: string
  /** How often it was tried, this time included. */
  readonly tries: number
}

/** The same as the operator sees it. */
export interface DeliveryRow {
  readonly id: string
  readonly event_id: string
  readonly type: string | null
  readonly user_id: string | null
  readonly created_at: number
  readonly next_at: number
  readonly tries: number
  readonly tried_at: number | null
  readonly status: number | null
  readonly reason: string | null
  readonly delivered_at: number | null
  readonly ended_at: number | null
}

export interface DeliveryQuery {
  readonly webhookId: string
  readonly state: 'waiting' | 'delivered' | 'given_up' | null
  readonly after: string | null
  readonly most: number
}

/** How a try went. */
export interface Try {
  readonly worker: string
  readonly now: number
  readonly status: number | null
}

/** How one failed: when the next is, or null where it was the last. */
export interface FailedTry extends Try {
  readonly reason: string
  readonly nextAt: number | null
  /** Until when nothing at all is sent to this endpoint. */
  readonly restUntil: number | null
}

export interface DeliveryStore {
  /** Endpoints to which something is due. */
  listDue(now: number): Promise<string[]>
  /** Leases what is due at an endpoint: of each person the oldest only, and nobody else gets it before the lease is over. */
  claim(lease: Lease): Promise<LeasedDelivery[]>
  /** Does nothing for a worker whose lease is another's. */
  markDelivered(webhookId: string, delivery: LeasedDelivery, how: Try): Promise<void>
  /** The same person's later events wait with it. */
  markFailed(webhookId: string, delivery: LeasedDelivery, how: FailedTry): Promise<void>
  /** Newest first. */
  list(query: DeliveryQuery): Promise<DeliveryRow[]>
  /** Sends it once more, whatever became of it; false where there is none, or it waits anyway. */
  replay(webhookId: string, eventId: string, event: AuditEvent): Promise<boolean>
  /** Sends all that happened since then once more: those that it was never told too. How many. */
  replaySince(replay: ReplaySince, event: AuditEvent): Promise<number>
  /** Deliveries that wait: never tried, or failed so far; and since when the oldest waits. */
  countWaiting(): Promise<{ queued: number; retrying: number; oldest: number | null }>
}

export interface Lease {
  readonly webhookId: string
  readonly worker: string
  readonly now: number
  readonly leaseMs: number
  readonly most: number
}

export interface ReplaySince {
  readonly webhookId: string
  readonly since: number
}

const waits = 'delivered_at IS NULL AND ended_at IS NULL'
const due = `${waits} AND next_at <= :now AND (locked_until IS NULL OR locked_until <= :now)`
/** What happened to a person earlier is told earlier. */
const first = `NOT EXISTS (SELECT 1 FROM webhook_deliveries o WHERE o.webhook_id = d.webhook_id AND o.lane = d.lane
  AND o.position < d.position AND o.delivered_at IS NULL AND o.ended_at IS NULL)`
const open = 'paused_at IS NULL AND (rest_until IS NULL OR rest_until <= :now)'
const states = {
  waiting: waits,
  delivered: 'delivered_at IS NOT NULL',
  given_up: 'delivered_at IS NULL AND ended_at IS NOT NULL',
}
const again = `delivered_at = NULL, ended_at = NULL, tries = 0, next_at = :now, status = NULL, reason = NULL,
  locked_until = NULL, locked_by = NULL`

export function createDeliveryStore(database: Database): DeliveryStore {
  return {
    async listDue(now) {
      const rows = await database.read<{ id: string }>(
        `SELECT id FROM webhooks WHERE ${open} AND EXISTS
          (SELECT 1 FROM webhook_deliveries d WHERE d.webhook_id = webhooks.id AND ${due})`,
        { now },
      )
      return rows.map(({ id }) => id)
    },

    async claim({ webhookId, worker, now, leaseMs, most }) {
      const params = { webhook: webhookId, worker, now, until: now + leaseMs, most }
      // What is due stands twice: of two workers that race PostgreSQL looks again at the outer one only.
      const rows = await database.write<{ id: string }>(
        `UPDATE webhook_deliveries SET locked_until = :until, locked_by = :worker, tries = tries + 1, tried_at = :now
         WHERE ${due} AND EXISTS (SELECT 1 FROM webhooks WHERE id = :webhook AND ${open})
           AND id IN (SELECT d.id FROM webhook_deliveries d WHERE d.webhook_id = :webhook
             AND ${due} AND ${first} ORDER BY d.next_at, d.position LIMIT :most) RETURNING id`,
        params,
      )
      if (rows.length === 0) return []
      return database.read<LeasedDelivery>(
        `SELECT d.id AS delivery_id, d.lane, d.tries, e.id, COALESCE(e.position, 0) AS position, e.happened_at,
           e.type, e.user_id, e.subject_id, e.facts
         FROM webhook_deliveries d JOIN events e ON e.id = d.event_id
         WHERE d.webhook_id = :webhook AND d.locked_by = :worker AND d.locked_until = :until
           AND d.delivered_at IS NULL AND d.ended_at IS NULL ORDER BY d.position`,
        { webhook: webhookId, worker, until: now + leaseMs },
      )
    },

    async markDelivered(webhookId, delivery, { worker, now, status }) {
      await database.batch([
        mark('delivered_at = :now, status = :status, reason = NULL', delivery, {
          worker,
          now,
          status,
        }),
        {
          sql: `UPDATE webhooks SET failures = 0, failing_since = NULL, rest_until = NULL
            WHERE id = :id AND failing_since IS NOT NULL`,
          params: { id: webhookId },
        },
      ])
    },

    async markFailed(webhookId, delivery, { worker, now, status, reason, nextAt, restUntil }) {
      const params = { worker, now, status, reason }
      const told = 'status = :status, reason = :reason'
      const { lane, position, delivery_id } = delivery
      await database.batch([
        ...(nextAt === null
          ? [mark(`ended_at = :now, ${told}`, delivery, params)]
          : [
              {
                sql: `UPDATE webhook_deliveries SET next_at = :next WHERE webhook_id = :webhook AND lane = :lane
                  AND position > :position AND ${waits} AND next_at < :next
                  AND EXISTS (SELECT 1 FROM webhook_deliveries WHERE id = :head AND locked_by = :worker)`,
                params: {
                  ...{ next: nextAt, webhook: webhookId, lane, position },
                  head: delivery_id,
                  worker,
                },
              },
              mark(`next_at = :next, ${told}`, delivery, { ...params, next: nextAt }),
            ]),
        {
          sql: `UPDATE webhooks SET failures = failures + 1, rest_until = CAST(:rest AS BIGINT),
            failing_since = COALESCE(failing_since, CAST(:now AS BIGINT)) WHERE id = :id`,
          params: { id: webhookId, now, rest: restUntil },
        },
      ])
    },

    list: ({ webhookId, state, after, most }) =>
      database.read<DeliveryRow>(
        `SELECT d.id, d.event_id, e.type, e.user_id, d.created_at, d.next_at, d.tries, d.tried_at, d.status, d.reason,
           d.delivered_at, d.ended_at
         FROM webhook_deliveries d LEFT JOIN events e ON e.id = d.event_id
         WHERE d.webhook_id = :webhook ${state === null ? '' : `AND ${states[state]}`}
           AND (CAST(:after AS TEXT) IS NULL OR (d.created_at, d.id) <
             (SELECT created_at, id FROM webhook_deliveries WHERE id = :after))
         ORDER BY d.created_at DESC, d.id DESC LIMIT :most`,
        { webhook: webhookId, after: after && `${webhookId}.${after}`, most },
      ),

    async replay(webhookId, eventId, event) {
      const id = `${webhookId}.${eventId}`
      const results = await database.batch([
        // Held first: of two at once the second finds that it waits.
        { sql: 'UPDATE webhook_deliveries SET lane = lane WHERE id = :id', params: { id } },
        recordEvent(event, {
          sql: `EXISTS (SELECT 1 FROM webhook_deliveries WHERE id = :over AND NOT (${waits}))`,
          params: { over: id },
        }),
        {
          sql: `UPDATE webhook_deliveries SET ${again} WHERE id = :id AND NOT (${waits}) RETURNING id`,
          params: { id, now: event.happenedAt },
        },
      ])
      return (results.at(-1)?.length ?? 0) > 0
    },

    async replaySince({ webhookId, since }, event) {
      const params = { webhook: webhookId, since, now: event.happenedAt }
      const [renewed, made] = await database.batch([
        {
          sql: `UPDATE webhook_deliveries SET ${again} WHERE webhook_id = :webhook AND NOT (${waits})
            AND event_id IN (SELECT id FROM events WHERE happened_at >= :since) RETURNING id`,
          params,
        },
        tellEndpoints('w.id = :webhook AND e.happened_at >= :since', params, 'RETURNING id'),
        recordEvent(event),
      ])
      return (renewed?.length ?? 0) + (made?.length ?? 0)
    },

    async countWaiting() {
      const [row] = await database.read<{ queued: number; tried: number; oldest: number | null }>(
        `SELECT count(*) AS queued, count(reason) AS tried, min(created_at) AS oldest
         FROM webhook_deliveries WHERE ${waits}`,
      )
      const { queued = 0, tried = 0, oldest = null } = row ?? {}
      return { queued: queued - tried, retrying: tried, oldest }
    },
  }
}

/** Events go to every endpoint that asked for them, in their order; to each once. */
export function tellEndpoints(which: string, params: Params, tail = ''): Statement {
  return {
    sql: `INSERT INTO webhook_deliveries (id, webhook_id, event_id, lane, position, created_at, next_at, tries)
      SELECT w.id || '.' || e.id, w.id, e.id, COALESCE(e.user_id, ''), e.position, CAST(:now AS BIGINT),
        CAST(:now AS BIGINT), 0 FROM events e JOIN webhooks w
      ON w.types = '*' OR ' ' || w.types || ' ' LIKE '% ' || e.type || ' %'
      WHERE e.type <> 'webhook.test' AND e.position IS NOT NULL AND ${which}
      ON CONFLICT (id) DO NOTHING ${tail}`,
    params,
  }
}

function mark(set: string, { delivery_id }: LeasedDelivery, params: Params): Statement {
  return {
    sql: `UPDATE webhook_deliveries SET ${set}, locked_until = NULL, locked_by = NULL
      WHERE id = :id AND locked_by = :worker AND ${waits}`,
    params: { id: delivery_id, ...params },
  }
}
