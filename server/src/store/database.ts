/** What a statement may carry: ids and hashes are text, moments are milliseconds. */
export type Value = string | number | null

/** Named parameters, written `:name` in the SQL. */
export type Params = Readonly<Record<string, Value>>

/** One SQL statement in the dialect that SQLite and PostgreSQL share. */
export interface Statement {
  readonly sql: string
  readonly params: Params
  /** What is written right after it, in the same transaction; the rows of that are not told. See store/followed.ts. */
  readonly also?: readonly Statement[]
}

/**
 * One statement over many rows, which its SQL reads as a table by the name of `:rows`: a row of the ledger costs a
 * fraction of a statement. It answers no rows.
 */
export interface Bulk {
  readonly sql: string
  readonly columns: Readonly<Record<string, 'TEXT' | 'BIGINT'>>
  /** Each with a value for each column, in their order. */
  readonly rows: readonly (readonly Value[])[]
}

export type Row = Readonly<Record<string, Value>>

/** The driver below the store. There are two, and nothing above knows which one it has. */
export interface Database {
  readonly engine: 'SQLite' | 'PostgreSQL'

  /** Rows of a SELECT. Sees every write that was answered before it was called. */
  read<R = Row>(sql: string, params?: Params): Promise<R[]>

  /** One writing statement; its RETURNING rows, after they are durable. No row means the WHERE said no. */
  write<R = Row>(sql: string, params?: Params): Promise<R[]>

  /**
   * The same for who calls and whether all is well: on PostgreSQL by a connection in reserve when all others are taken,
   * so that those who are known go on while everybody else waits.
   */
  readonly aside: Pick<Database, 'read' | 'write'>

  /**
   * Several statements in one transaction with none of our code in between: all or nothing.
   * Rows of each statement, in order, after they are durable; a SELECT among them sees what those before it wrote.
   */
  batch<R = Row>(statements: readonly (Statement | Bulk)[]): Promise<R[][]>

  /** Rows of each SELECT, all from one moment, whoever writes meanwhile. */
  snapshot(statements: readonly Statement[]): Promise<Row[][]>

  /** Opens a line on which changes are heard of: see store/changes.ts. */
  listen(heard: () => void): Line

  /** Bytes of the log that wait to be written back to the database file; null where that is the database's own matter. */
  logBytes(): number | null

  /** Applies a migration script once, whoever else tries at the same time. True for the one that did. */
  migrate(version: string, script: string): Promise<boolean>

  close(): Promise<void>
}

/** A connection of its own, where the database can speak up; elsewhere there is nothing to hear, and it reads as all do. */
export interface Line {
  /** Waits behind nobody's statements. */
  read<R = Row>(sql: string, params?: Params): Promise<R[]>
  close(): Promise<void>
}

/** The database cannot answer now: the caller says 503 and counts nothing as done. */
export class DatabaseUnavailable extends Error {
  override readonly name = 'DatabaseUnavailable'
}
