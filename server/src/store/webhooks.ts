import { type AuditEvent, recordEvent } from './audit.ts'
import type { Database } from './database.ts'
import { type NewEvent, tellOnce } from './events.ts'
import { type NewLetter, queueLetter } from './outbox.ts'
import { all, type Guard, insert } from './sql.ts'

/** An address of the operator's to which events are sent. */
export interface WebhookRow {
  readonly id: string
  readonly url: string
  readonly description: string | null
  /** Separated by spaces; `*` for all. */
  readonly types: string
  /** What its events are signed with, encrypted; the one before goes on signing until its end. */
  readonly sealed_secret: string
  readonly former_sealed: string | null
  readonly former_ends_at: number | null
  readonly created_at: number
  readonly paused_at: number | null
  /** `admin`, `failures` or `gone`. */
  readonly paused_by: string | null
  /** Tries that failed since the last one that did not, and when the first of them was. */
  readonly failures: number
  readonly failing_since: number | null
}

export type NewWebhook = Pick<
  WebhookRow,
  'id' | 'url' | 'description' | 'types' | 'sealed_secret' | 'created_at'
>

export interface WebhookChange {
  readonly url?: string
  readonly description?: string | null
  readonly types?: string
}

export interface WebhookStore {
  /** Newest last. */
  list(): Promise<WebhookRow[]>
  find(id: string): Promise<WebhookRow | null>
  /** False where there are as many as there may be. */
  create(webhook: NewWebhook, most: number, event: AuditEvent): Promise<boolean>
  change(id: string, change: WebhookChange, event: AuditEvent): Promise<boolean>
  /** Puts a secret in the place of the one that was current; of two at once one wins. */
  rotate(rotation: WebhookRotation, event: AuditEvent): Promise<boolean>
  /** True for the one that paused it; what the admins are to know goes out with that, or not at all. */
  pause(id: string, by: string, event: AuditEvent, letters?: readonly NewLetter[]): Promise<boolean>
  /** True for the one that resumed it; what waits is due at once. */
  resume(id: string, event: AuditEvent): Promise<boolean>
  delete(id: string, event: AuditEvent): Promise<boolean>
  /** An event that is told to this endpoint alone. */
  test(id: string, told: NewEvent, event: AuditEvent): Promise<boolean>
}

export interface WebhookRotation {
  readonly id: string
  readonly from: string
  readonly to: string
  readonly formerEndsAt: number
}

const columns = `id, url, description, types, sealed_secret, former_sealed, former_ends_at, created_at, paused_at,
  paused_by, failures, failing_since`

export function createWebhookStore(database: Database): WebhookStore {
  const holds = (id: string, condition = '1 = 1'): Guard => ({
    sql: `EXISTS (SELECT 1 FROM webhooks WHERE id = :held AND ${condition})`,
    params: { held: id },
  })
  const hold = (id: string) => ({
    sql: 'UPDATE webhooks SET url = url WHERE id = :id',
    params: { id },
  })
  const lastOf = async (statements: Parameters<Database['batch']>[0]) =>
    ((await database.batch(statements)).at(-1)?.length ?? 0) > 0
  return {
    list: () =>
      database.read<WebhookRow>(`SELECT ${columns} FROM webhooks ORDER BY created_at, id`),

    async find(id) {
      const sql = `SELECT ${columns} FROM webhooks WHERE id = :id`
      const [row] = await database.read<WebhookRow>(sql, { id })
      return row ?? null
    },

    create: (webhook, most, event) => {
      const room: Guard = {
        sql: `(SELECT count(*) FROM webhooks) < ${most}`,
        params: {},
      }
      return lastOf([
        // Held first: of two at once the second counts the first.
        {
          sql: `INSERT INTO settings (name, value) VALUES ('webhooks', '1')
            ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
          params: {},
        },
        recordEvent(event, room),
        insert('webhooks', { ...webhook, failures: 0 }, room, 'RETURNING id'),
      ])
    },

    change(id, change, event) {
      const set = Object.keys(change).map((column) => `${column} = CAST(:${column} AS TEXT)`)
      return lastOf([
        hold(id),
        recordEvent(event, holds(id)),
        {
          sql: `UPDATE webhooks SET ${[...set, 'failures = 0'].join(', ')} WHERE id = :id RETURNING id`,
          params: { id, ...change },
        },
      ])
    },

    rotate: ({ id, from, to, formerEndsAt }, event) => {
      const current = holds(id, 'sealed_secret = :from')
      return lastOf([
        hold(id),
        recordEvent(event, { sql: current.sql, params: { ...current.params, from } }),
        {
          sql: `UPDATE webhooks SET former_sealed = sealed_secret, former_ends_at = :ends, sealed_secret = :to
            WHERE id = :id AND sealed_secret = :from RETURNING id`,
          params: { id, from, to, ends: formerEndsAt },
        },
      ])
    },

    pause: (id, by, event, letters = []) => {
      const going = holds(id, 'paused_at IS NULL')
      return lastOf([
        hold(id),
        ...letters.map((letter) => queueLetter(letter, going)),
        recordEvent(event, going),
        {
          sql: `UPDATE webhooks SET paused_at = :now, paused_by = :by
            WHERE id = :id AND paused_at IS NULL RETURNING id`,
          params: { id, by, now: event.happenedAt },
        },
      ])
    },

    resume: (id, event) =>
      lastOf([
        hold(id),
        recordEvent(event, holds(id, 'paused_at IS NOT NULL')),
        {
          sql: `UPDATE webhook_deliveries SET next_at = :now WHERE webhook_id = :id
            AND delivered_at IS NULL AND ended_at IS NULL AND next_at > :now`,
          params: { id, now: event.happenedAt },
        },
        {
          sql: `UPDATE webhooks SET paused_at = NULL, paused_by = NULL, failures = 0, failing_since = NULL,
            rest_until = NULL WHERE id = :id AND paused_at IS NOT NULL RETURNING id`,
          params: { id },
        },
      ]),

    delete: (id, event) =>
      lastOf([
        hold(id),
        recordEvent(event, holds(id)),
        { sql: 'DELETE FROM webhooks WHERE id = :id RETURNING id', params: { id } },
      ]),

    test: (id, told, event) =>
      lastOf([
        hold(id),
        recordEvent(event, holds(id)),
        tellOnce(told),
        // A lane of its own: it waits for nothing, and nothing waits for it.
        insert(
          'webhook_deliveries',
          {
            id: `${id}.${told.id}`,
            webhook_id: id,
            event_id: told.id,
            lane: told.id,
            position: 0,
            created_at: told.happened_at,
            next_at: told.happened_at,
            tries: 0,
          },
          all(holds(id)),
          'RETURNING id',
        ),
      ]),
  }
}
