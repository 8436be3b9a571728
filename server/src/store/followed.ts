import type { Bulk, Database, Statement } from './database.ts'
import { isBulk } from './sql.ts'

/**
 * A cover that writes what statements carry with them (`also`) right behind each, where the same condition still holds.
 * Who asked is answered the rows of their own statements.
 */
export function followed(database: Database): Database {
  return {
    ...database,
    async batch<R>(statements: readonly (Statement | Bulk)[]) {
      const whole = statements.flatMap((statement) => [statement, ...alsoOf(statement)])
      if (whole.length === statements.length) return database.batch<R>(statements)
      const asked = new Set(statements)
      const results = await database.batch<R>(whole)
      return results.filter((_, index) => {
        const statement = whole[index]
        return statement !== undefined && asked.has(statement)
      })
    },
  }
}

const alsoOf = (statement: Statement | Bulk) => (isBulk(statement) ? [] : (statement.also ?? []))
