import { context, ROOT_CONTEXT, SpanKind } from '@opentelemetry/api'
import type { App } from '../context.ts'
import type { Mailer } from '../mail/mailer.ts'
import type { Upstreams } from '../responses/upstream.ts'
import type { Database, Statement } from '../store/database.ts'
import type { Hasher } from '../workers/hasher.ts'
import { isTraced, type Tracing, traceparentOf, within } from './tracing.ts'

/*
 * Spans stand around what they tell of, as metrics do. They say what was done and never with what: no value of a
 * statement, no address, no header, no word of an error.
 */

/** The same app, traced. */
export function traceApp(app: App, tracing: Tracing): App {
  return {
    ...app,
    tracing,
    // A letter that is on its way is no part of the request that wrote it.
    outbox: { poke: () => context.with(ROOT_CONTEXT, app.outbox.poke) },
    hasher: traceHasher(app.hasher, tracing),
    upstreams: traceUpstreams(app.upstreams, tracing),
  }
}

/** A span for each trip to the database, named by what it does to which table. */
export function traceDatabase(database: Database, tracing: Tracing): Database {
  const system = database.engine === 'SQLite' ? 'sqlite' : 'postgresql'
  const told = remember(describe)
  const one =
    <Words extends unknown[], Answer>(work: (sql: string, ...words: Words) => Promise<Answer>) =>
    (sql: string, ...words: Words): Promise<Answer> => {
      if (!isTraced()) return work(sql, ...words)
      const { operation, table } = told(sql)
      const attributes = {
        'db.system.name': system,
        'db.operation.name': operation,
        'db.collection.name': table,
      }
      const options = { kind: SpanKind.CLIENT, attributes }
      return within(tracing, `${operation} ${table}`, options, () => work(sql, ...words))
    }
  const several =
    <Answer>(name: string, work: (statements: readonly Statement[]) => Promise<Answer>) =>
    (statements: readonly Statement[]): Promise<Answer> => {
      if (!isTraced()) return work(statements)
      const tables = [...new Set(statements.map(({ sql }) => told(sql).table))]
      const attributes = {
        'db.system.name': system,
        'db.operation.name': name,
        'db.operation.batch.size': statements.length,
        'db.collection.name': tables.join(' '),
      }
      const options = { kind: SpanKind.CLIENT, attributes }
      return within(tracing, `${name} ${tables[0] ?? ''}`.trim(), options, () => work(statements))
    }
  const asked = ({ read, write }: Database['aside']) => ({
    read: one(read) as Database['read'],
    write: one(write) as Database['write'],
  })
  return {
    ...database,
    ...asked(database),
    aside: asked(database.aside),
    batch: several('BATCH', database.batch) as Database['batch'],
    snapshot: several('SNAPSHOT', database.snapshot),
  }
}

/** A letter on its way to the mail server; to whom, and which, is not told. */
export function traceMailer(mailer: Mailer, tracing: Tracing): Mailer {
  return {
    send: (mail) =>
      within(tracing, 'send mail', { kind: SpanKind.CLIENT, root: true }, () => mailer.send(mail)),
    close: () => mailer.close(),
  }
}

function traceHasher(hasher: Hasher, tracing: Tracing): Hasher {
  const traced =
    <Words extends unknown[], Answer>(name: string, work: (...words: Words) => Promise<Answer>) =>
    (...words: Words): Promise<Answer> =>
      isTraced() ? within(tracing, name, {}, () => work(...words)) : work(...words)
  return {
    ...hasher,
    hash: traced('hash password', hasher.hash),
    verify: traced('verify password', hasher.verify),
    verifyForeign: traced('verify foreign password', hasher.verifyForeign),
  }
}

/** Until a model server begins to answer. It hears of the trace where the operator says so. */
function traceUpstreams(upstreams: Upstreams, tracing: Tracing): Upstreams {
  return {
    get open() {
      return upstreams.open
    },
    ask(ask) {
      const attributes = {
        'freddy.upstream': ask.upstream.name,
        'http.request.method': ask.method,
      }
      const options = { kind: SpanKind.CLIENT, attributes }
      return within(tracing, `ask ${ask.upstream.name}`, options, async (span) => {
        const traced = { ...ask, headers: { ...ask.headers, traceparent: traceparentOf(span) } }
        const answer = await upstreams.ask(tracing.passesOn ? traced : ask)
        span.setAttribute('http.response.status_code', answer.status)
        return answer
      })
    },
    isFailing: upstreams.isFailing,
    close: upstreams.close,
  }
}

/** Comments aside, a statement begins with what it does, and names first the table that it does it to. */
function describe(sql: string): { readonly operation: string; readonly table: string } {
  const [, operation = 'SQL'] = /^\s*(\w+)/.exec(sql) ?? []
  const [, table = ''] = /\b(?:FROM|INTO|UPDATE)\s+(\w+)/i.exec(sql) ?? []
  return { operation: operation.toUpperCase(), table }
}

const MOST_REMEMBERED = 2000

/** The statements of the store are few, and each is sent often. */
function remember<Told>(read: (text: string) => Told): (text: string) => Told {
  const known = new Map<string, Told>()
  return (text) => {
    const found = known.get(text) ?? read(text)
    if (known.size < MOST_REMEMBERED) known.set(text, found)
    return found
  }
}
