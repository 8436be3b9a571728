import type { Params } from './database.ts'
import { letIn } from './pairing-ends.ts'
import type { Guard } from './sql.ts'

/** What a panic is about: a person, the sources of a network, or everything since a moment. */
export type Aim =
  | { readonly userId: string }
  | { readonly sources: readonly string[] }
  | { readonly since: number }

/** The live rows of each table that an aim means. The session that is kept is not among them. */
export interface Aimed {
  readonly sessions: Guard
  readonly apiKeys: Guard
  readonly challenges: Guard
  readonly links: Guard
  /** Devices that were let in and have not come yet. */
  readonly pairings: Guard
}

const live = {
  sessions: 'ended_at IS NULL AND expires_at > :now AND id <> :kept',
  apiKeys: 'revoked_at IS NULL AND paused_at IS NULL',
  challenges: 'consumed_at IS NULL AND ended_at IS NULL',
  links: 'consumed_at IS NULL AND ended_at IS NULL',
  pairings: letIn,
} as const

export function aimed(aim: Aim, now: number, keptSession: string | null): Aimed {
  const { columns, params } = conditions(aim)
  const guard = (table: keyof Aimed): Guard => ({
    sql: `${live[table]} AND ${columns[table]}`,
    params: table === 'sessions' ? { ...params, now, kept: keptSession ?? '' } : params,
  })
  return {
    sessions: guard('sessions'),
    apiKeys: guard('apiKeys'),
    challenges: guard('challenges'),
    links: guard('links'),
    pairings: guard('pairings'),
  }
}

function conditions(aim: Aim): { columns: Readonly<Record<keyof Aimed, string>>; params: Params } {
  if ('userId' in aim) {
    const mine = 'user_id = :aim'
    return {
      columns: { sessions: mine, apiKeys: mine, challenges: mine, links: mine, pairings: mine },
      params: { aim: aim.userId },
    }
  }
  if ('since' in aim) {
    const newer = 'created_at >= :aim'
    // A link by which an owner undoes a sign-in works against whoever signed in.
    const links = `${newer} AND purpose <> 'not-me'`
    return {
      columns: {
        sessions: newer,
        apiKeys: newer,
        challenges: newer,
        links,
        pairings: 'allowed_at >= :aim',
      },
      params: { aim: aim.since },
    }
  }
  return from(aim.sources)
}

/** Of an audit event: that a person, or a key, made a key. */
export const keyMade = "e.event IN ('key.created', 'key.derived')"

/** A key remembers no source: the event of its making does. */
function from(sources: readonly string[]): ReturnType<typeof conditions> {
  if (sources.length === 0) {
    const none = '1 = 0'
    return {
      columns: { sessions: none, apiKeys: none, challenges: none, links: none, pairings: none },
      params: {},
    }
  }
  const list = sources.map((_, index) => `:aim_${index}`).join(', ')
  const made = `SELECT 1 FROM audit_events e WHERE e.subject_id = api_keys.id
    AND ${keyMade} AND e.source IN (${list})`
  return {
    columns: {
      sessions: `(source IN (${list}) OR seen_source IN (${list}))`,
      apiKeys: `EXISTS (${made})`,
      challenges: `source IN (${list})`,
      links: '1 = 0',
      pairings: `(source IN (${list}) OR EXISTS (SELECT 1 FROM sessions s
        WHERE s.id = allowed_by AND (s.source IN (${list}) OR s.seen_source IN (${list}))))`,
    },
    params: Object.fromEntries(sources.map((source, index) => [`aim_${index}`, source])),
  }
}
