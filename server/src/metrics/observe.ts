import type { App } from '../context.ts'
import type { Limiter } from '../limiter/limiter.ts'
import type { Log } from '../log.ts'
import type { Upstreams } from '../responses/upstream.ts'
import { whenHere } from '../soon.ts'
import type { AuditRow, AuditStore } from '../store/audit.ts'
import { type Database, DatabaseUnavailable } from '../store/database.ts'
import type { DeliveryStore } from '../store/deliveries.ts'
import type { OutboxStore } from '../store/outbox.ts'
import { type Hasher, HasherBusy } from '../workers/hasher.ts'
import type { Metrics } from './metrics.ts'

/*
 * Metrics stand around what they measure: the same parts, each in a cover that counts. A server without metrics has
 * none of these covers, and none of their cost.
 */

/** The same app, measured. */
export function observe(app: App, metrics: Metrics): App {
  const { store } = app
  return {
    ...app,
    store: {
      ...store,
      audit: observeAudit(store.audit, metrics),
      outbox: observeOutbox(store.outbox, metrics),
      deliveries: observeDeliveries(store.deliveries, metrics),
    },
    limiter: observeLimiter(app.limiter, metrics),
    hasher: observeHasher(app.hasher, metrics),
    upstreams: observeUpstreams(app.upstreams, metrics),
    log: observeLog(app.log, metrics),
  }
}

/** Every request writes a line, and every job that fails: what is logged is counted, whether it is written or not. */
export function observeLog(log: Log, { count, time }: Metrics): Log {
  return {
    hearsRequests: true,
    info(fields) {
      log.info(fields)
      if (fields.event !== 'request') return
      const { route = 'none', status = 0, milliseconds = 0 } = fields
      // Of what is no route of ours anybody may choose the method.
      const method = route === 'none' ? 'none' : (fields.method ?? 'none')
      count.requests.inc({ method, route, status })
      time.requests.observe({ route }, milliseconds / 1000)
    },
    warn(fields) {
      log.warn(fields)
      count.lines.inc({ level: 'warn', event: fields.event })
    },
    error(fields) {
      log.error(fields)
      count.lines.inc({ level: 'error', event: fields.event })
    },
  }
}

export function observeDatabase(database: Database, { count, time }: Metrics): Database {
  const timed =
    <Words extends unknown[], Answer>(kind: string, work: (...words: Words) => Promise<Answer>) =>
    async (...words: Words): Promise<Answer> => {
      const end = time.statements.startTimer({ kind })
      try {
        return await work(...words)
      } catch (cause) {
        if (cause instanceof DatabaseUnavailable) count.failures.inc({ kind })
        throw cause
      } finally {
        end()
      }
    }
  const asked = ({ read, write }: Database['aside']) => ({
    read: timed('read', read) as Database['read'],
    write: timed('write', write) as Database['write'],
  })
  return {
    ...database,
    ...asked(database),
    aside: asked(database.aside),
    batch: timed('batch', database.batch) as Database['batch'],
  }
}

/** An event is sealed once, by one server: that one counts it. */
function observeAudit(audit: AuditStore, { count }: Metrics): AuditStore {
  let looked: readonly AuditRow[] = []
  return {
    ...audit,
    async listUnsealed(most) {
      const rows = await audit.listUnsealed(most)
      looked = rows
      return rows
    },
    async seal(links) {
      const sealed = new Set(await audit.seal(links))
      for (const row of looked.filter(({ id }) => sealed.has(id))) {
        const { event, outcome } = row
        count.decisions.inc({ event, outcome, reason: reasonOf(row) })
      }
      return [...sealed]
    },
  }
}

/** Why something was refused is a word of ours. What was allowed may name a key, a network or a person there. */
function reasonOf({ outcome, reason }: AuditRow): string {
  const isWord = outcome === 'refused' && reason !== null && /^[a-z_]{1,40}$/.test(reason)
  return isWord ? reason : ''
}

function observeOutbox(outbox: OutboxStore, { count }: Metrics): OutboxStore {
  return {
    ...outbox,
    async markSent(...words) {
      await outbox.markSent(...words)
      count.deliveries.inc({ outcome: 'sent' })
    },
    async markDelayed(...words) {
      await outbox.markDelayed(...words)
      count.deliveries.inc({ outcome: 'delayed' })
    },
    async markEnded(...words) {
      await outbox.markEnded(...words)
      count.deliveries.inc({ outcome: 'ended' })
    },
  }
}

function observeDeliveries(deliveries: DeliveryStore, { count }: Metrics): DeliveryStore {
  return {
    ...deliveries,
    async markDelivered(...words) {
      await deliveries.markDelivered(...words)
      count.hooks.inc({ outcome: 'delivered' })
    },
    async markFailed(id, delivery, how) {
      await deliveries.markFailed(id, delivery, how)
      count.hooks.inc({ outcome: how.nextAt === null ? 'given_up' : 'failed' })
    },
  }
}

function observeLimiter(limiter: Limiter, { count }: Metrics): Limiter {
  const counted =
    (work: Limiter['take']): Limiter['take'] =>
    (limit, ...rest) =>
      whenHere(work(limit, ...rest), (ruling) => {
        if (!ruling.allowed) count.limited.inc({ limit })
        return ruling
      })
  return { ...limiter, take: counted(limiter.take), look: counted(limiter.look) }
}

function observeHasher(hasher: Hasher, { count, time }: Metrics): Hasher {
  const note = (cause: unknown) => {
    if (cause instanceof HasherBusy) count.noHash.inc()
  }
  const timed =
    <Words extends unknown[], Answer>(kind: string, work: (...words: Words) => Promise<Answer>) =>
    async (...words: Words): Promise<Answer> => {
      const end = time.hashes.startTimer({ kind })
      try {
        const answer = await work(...words)
        end()
        return answer
      } catch (cause) {
        note(cause)
        throw cause
      }
    }
  return {
    hash: timed('hash', hasher.hash),
    verify: timed('verify', hasher.verify),
    verifyForeign: timed('foreign', hasher.verifyForeign),
    requirePlace() {
      try {
        hasher.requirePlace()
      } catch (cause) {
        note(cause)
        throw cause
      }
    },
    load: hasher.load,
    close: hasher.close,
  }
}

/** Model servers are named in the configuration: there are few. */
function observeUpstreams(upstreams: Upstreams, { count, time }: Metrics): Upstreams {
  return {
    get open() {
      return upstreams.open
    },
    async ask(ask) {
      const upstream = ask.upstream.name
      const end = time.asks.startTimer({ upstream })
      try {
        const answer = await upstreams.ask(ask)
        count.asks.inc({ upstream, outcome: String(answer.status) })
        return answer
      } catch (cause) {
        count.asks.inc({ upstream, outcome: 'error' })
        throw cause
      } finally {
        end()
      }
    },
    isFailing: upstreams.isFailing,
    close: upstreams.close,
  }
}
