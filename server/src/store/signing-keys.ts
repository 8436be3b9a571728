import { type AuditEvent, recordEvent } from './audit.ts'
import type { Database, Statement } from './database.ts'
import { always, type Guard, insert } from './sql.ts'

/** A key pair of an asymmetric algorithm: the standby becomes the current one, which becomes a former one. */
export interface SigningKeyRow {
  /** The thumbprint of its public half (RFC 7638); the `kid` of tokens. */
  readonly id: string
  readonly alg: string
  /** Its private half, sealed under the secret. */
  readonly sealed: string
  readonly created_at: number
  /** Null of a standby. */
  readonly current_since: number | null
  readonly retired_at: number | null
}

/** The next current one, the one it takes the place of, and who stands by from then on. */
export interface Succession {
  readonly from: string
  readonly to: string
  readonly next: SigningKeyRow
  /** The standby must have been known for so long that every verifier has it. */
  readonly knownSince: number
}

export interface SigningKeyStore {
  /** Of each algorithm the current one, then those that stand by, then the former that retired after this moment. */
  list(retiredAfter: number): Promise<SigningKeyRow[]>
  /** False when there is one in its place: of each algorithm one is current and one stands by. */
  create(row: SigningKeyRow): Promise<boolean>
  retire(id: string, now: number): Promise<void>
  /** Keeps the same pair under another seal, if nobody was faster. */
  reseal(id: string, from: string, to: string): Promise<void>
  /** True for exactly one caller; false too when the standby is too young. */
  rotate(succession: Succession, event: AuditEvent): Promise<boolean>
}

export function createSigningKeyStore(database: Database): SigningKeyStore {
  return {
    list: (after) =>
      database.read<SigningKeyRow>(
        `SELECT id, alg, sealed, created_at, current_since, retired_at FROM signing_keys
         WHERE retired_at IS NULL OR retired_at > :after
         ORDER BY retired_at IS NOT NULL, current_since IS NULL, created_at, id`,
        { after },
      ),

    async create(row) {
      const { sql, params } = insert(
        'signing_keys',
        { ...row },
        always,
        'ON CONFLICT DO NOTHING RETURNING id',
      )
      return (await database.write(sql, params)).length > 0
    },

    async retire(id, now) {
      await database.write(
        'UPDATE signing_keys SET retired_at = :now WHERE id = :id AND retired_at IS NULL',
        { id, now },
      )
    },

    async reseal(id, from, to) {
      await database.write(
        'UPDATE signing_keys SET sealed = :to WHERE id = :id AND sealed = :from',
        { id, from, to },
      )
    },

    async rotate(succession, event) {
      const [retired] = await database.batch(succeed(succession, event))
      return (retired?.length ?? 0) > 0
    },
  }
}

/** The first statement decides; what follows holds only for who was first. */
function succeed({ from, to, next, knownSince }: Succession, event: AuditEvent): Statement[] {
  const now = event.happenedAt
  const risen: Guard = {
    sql: 'EXISTS (SELECT 1 FROM signing_keys WHERE id = :risen AND current_since = :at)',
    params: { risen: to, at: now },
  }
  // Of two in the same moment both see it risen; only one has put the next in its place.
  const done: Guard = {
    sql: 'EXISTS (SELECT 1 FROM signing_keys WHERE id = :standing)',
    params: { standing: next.id },
  }
  return [
    {
      sql: `UPDATE signing_keys SET retired_at = :now WHERE id = :id AND retired_at IS NULL AND EXISTS (
          SELECT 1 FROM signing_keys s WHERE s.id = :to AND s.current_since IS NULL
            AND s.retired_at IS NULL AND s.created_at <= :known_since) RETURNING id`,
      params: { id: from, to, now, known_since: knownSince },
    },
    {
      sql: `UPDATE signing_keys SET current_since = :now WHERE id = :id AND current_since IS NULL AND EXISTS (
          SELECT 1 FROM signing_keys c WHERE c.id = :from AND c.retired_at = :now)`,
      params: { id: to, from, now },
    },
    insert('signing_keys', { ...next }, risen, 'ON CONFLICT DO NOTHING'),
    recordEvent(event, done),
  ]
}
