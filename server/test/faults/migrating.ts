import { migrate } from '../../src/store/migrate.ts'
import { openPostgres } from '../../src/store/postgres.ts'
import { openSqlite } from '../../src/store/sqlite.ts'
import { statementsOf } from './statements.ts'

/*
 * A server that is killed while it migrates: before the given statement of the given version it hangs, inside of its
 * transaction. It says when it gets there.
 */

const [engine, url = '', version, step] = process.argv.slice(2)
const hang = {
  SQLite:
    'SELECT count(*) FROM (WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n)',
  PostgreSQL: 'SELECT pg_sleep(600)',
}

const database = engine === 'SQLite' ? await openSqlite({ path: url }) : await openPostgres({ url })
await migrate({
  ...database,
  migrate(each, script) {
    if (each !== version) return database.migrate(each, script)
    const statements = statementsOf(script)
    statements.splice(Number(step), 0, `\n${hang[database.engine]}`)
    process.stdout.write('here')
    return database.migrate(each, statements.join(';\n'))
  },
})
