import type { Bulk, Database, Params, Statement, Value } from './database.ts'

/** A condition on which a statement of a batch depends. Its parameters carry names of their own. */
export interface Guard {
  readonly sql: string
  readonly params: Params
}

export const always: Guard = { sql: '1 = 1', params: {} }

/** The condition that all of these hold. */
export function all(...guards: readonly Guard[]): Guard {
  return {
    sql: guards.map((guard) => guard.sql).join(' AND '),
    params: Object.assign({}, ...guards.map((guard) => guard.params)),
  }
}

export const not = ({ sql, params }: Guard): Guard => ({ sql: `NOT ${sql}`, params })

/**
 * `INSERT` of one row that happens only while the guard holds. Parameters are cast, since in a SELECT list
 * PostgreSQL cannot tell their type from the column.
 */
export function insert(
  table: string,
  row: Readonly<Record<string, Value>>,
  guard: Guard = always,
  tail = '',
): Statement {
  const columns = Object.keys(row)
  const values = columns.map((column) => typed(column, row[column] ?? null))
  return {
    sql: `INSERT INTO ${table} (${columns.join(', ')}) SELECT ${values.join(', ')} WHERE ${guard.sql} ${tail}`,
    params: { ...withoutNulls(row), ...guard.params },
  }
}

function typed(column: string, value: Value): string {
  if (value === null) return 'NULL'
  return `CAST(:${column} AS ${typeof value === 'number' ? 'BIGINT' : 'TEXT'})`
}

function withoutNulls(row: Readonly<Record<string, Value>>): Params {
  return Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null))
}

export const isBulk = (statement: Statement | Bulk): statement is Bulk => 'rows' in statement

/** Whether a statement failed because another transaction, which it could not see yet, took the same unique value. */
export function isTaken(cause: unknown): boolean {
  const { code, message } = cause as { code?: unknown; message?: unknown }
  return code === '23505' || String(message).startsWith('UNIQUE constraint failed')
}

/** Rows of one bite. */
export const BITE = 2000

/** A change of many rows, so many at a time: no statement may take longer than a moment, and others get their turn. */
export async function inBites(database: Database, { sql, params }: Statement): Promise<void> {
  let went = BITE
  while (went >= BITE) went = (await database.write(sql, params)).length
}
