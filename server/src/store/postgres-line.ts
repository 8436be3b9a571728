import pg from 'pg'
import type { Database, Line, Params, Row, Statement } from './database.ts'

/** How long the line may be silent on a question before another way is tried. */
const ANSWER_MS = 700
const AGAIN_MS = 1000
const CHANNEL = 'freddy_changes'

export interface LineParts {
  /** Of the server that is written to. */
  readonly pool: () => Promise<pg.Pool>
  readonly translate: (statement: Statement) => pg.QueryConfig
  /** How to ask while the line is broken. */
  readonly otherwise: Database['read']
  readonly heard: () => void
}

/** A connection that listens, and is opened again whenever it breaks. */
export function openLine({ pool, translate, otherwise, heard }: LineParts): Line {
  let client: pg.Client | null = null
  let opening = Promise.resolve()
  let again: NodeJS.Timeout | undefined
  let isOver = false

  const open = async () => {
    const made = new pg.Client(optionsOf(await pool()))
    made.on('error', () => drop(made))
    made.on('end', () => drop(made))
    made.on('notification', heard)
    try {
      await made.connect()
      await made.query({ text: `LISTEN ${CHANNEL}`, query_timeout: ANSWER_MS } as pg.QueryConfig)
    } catch {
      return drop(made)
    }
    if (isOver) return drop(made)
    client = made
    // What was said before it listened is looked for.
    heard()
  }
  const dial = () => {
    opening = open().catch(dialLater)
  }
  const dialLater = () => {
    clearTimeout(again)
    if (!isOver) again = setTimeout(dial, AGAIN_MS).unref()
  }
  const drop = (broken: pg.Client) => {
    broken.removeAllListeners('end')
    broken.end().catch(() => {})
    if (client === broken) client = null
    if (client === null) dialLater()
  }
  dial()
  return {
    async read<R = Row>(sql: string, params: Params = {}) {
      const mine = client
      if (!mine) return otherwise<R>(sql, params)
      try {
        const query = { ...translate({ sql, params }), query_timeout: ANSWER_MS }
        return (await mine.query(query)).rows as R[]
      } catch {
        drop(mine)
        return otherwise<R>(sql, params)
      }
    },
    async close() {
      isOver = true
      clearTimeout(again)
      await opening
      const last = client
      client = null
      await last?.end().catch(() => {})
    },
  }
}

/** As those of the pool, but that it sends one question after the other, and can be told from them. */
function optionsOf({ options }: pg.Pool): pg.ClientConfig {
  return { ...options, application_name: 'freddy-auth feed', pipeline: false } as pg.ClientConfig
}
