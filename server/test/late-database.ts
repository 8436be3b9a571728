import type { Database } from '../src/store/database.ts'

/** A database that its first question opens: most scenes ask the server alone, and a connection costs as much as a sign-in. */
export function lateDatabase(engine: Database['engine'], open: () => Promise<Database>): Database {
  let opened: Promise<Database> | undefined
  const ready = () => {
    opened ??= open()
    return opened
  }
  return {
    engine,
    read: async (sql, params) => (await ready()).read(sql, params),
    write: async (sql, params) => (await ready()).write(sql, params),
    aside: {
      read: async (sql, params) => (await ready()).aside.read(sql, params),
      write: async (sql, params) => (await ready()).aside.write(sql, params),
    },
    batch: async (statements) => (await ready()).batch(statements),
    snapshot: async (statements) => (await ready()).snapshot(statements),
    listen(heard) {
      const line = ready().then((database) => database.listen(heard))
      return {
        read: async (sql, params) => (await line).read(sql, params),
        close: async () => (await line).close(),
      }
    },
    logBytes() {
      throw new Error('ask the server')
    },
    migrate: async (version, script) => (await ready()).migrate(version, script),
    close: async () => (await opened)?.close(),
  }
}
