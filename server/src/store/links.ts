import type { Database, Statement } from './database.ts'
import { type Guard, insert } from './sql.ts'

/** What a link in a mail does; a column, so that no link serves two purposes. */
export type LinkPurpose = 'reset' | 'not-me' | 'undo-email'

export interface LinkRow {
  /** The keyed hash of the secret in the link: who reads the database cannot open it. */
  readonly id: string
  readonly purpose: LinkPurpose
  readonly user_id: string
  /** The address that it gives back, where it does. */
  readonly address: string | null
  readonly created_at: number
  readonly expires_at: number
  readonly consumed_at: number | null
  readonly ended_at: number | null
}

export type NewLink = Omit<LinkRow, 'consumed_at' | 'ended_at'>

export interface LinkStore {
  find(ids: readonly string[], purpose: LinkPurpose): Promise<LinkRow | null>
  keep(link: NewLink): Promise<void>
}

/** The statement that keeps a link inside the transaction of the letter that carries it. */
export function keepLink(link: NewLink, guard?: Guard): Statement {
  return insert('mail_links', { ...link }, guard)
}

export function createLinkStore(database: Database): LinkStore {
  return {
    async find(ids, purpose) {
      const names = ids.map((_, index) => `:id_${index}`).join(', ')
      const params = Object.fromEntries(ids.map((id, index) => [`id_${index}`, id]))
      const [row] = await database.read<LinkRow>(
        `SELECT id, purpose, user_id, address, created_at, expires_at, consumed_at, ended_at
         FROM mail_links WHERE id IN (${names}) AND purpose = :purpose`,
        { ...params, purpose },
      )
      return row ?? null
    },
    async keep(link) {
      const { sql, params } = keepLink(link)
      await database.write(sql, params)
    },
  }
}
