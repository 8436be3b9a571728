import type { App } from '../context.ts'
import type { Http } from './server.ts'

/** Well within the life of a code: later the letter is over, and no longer waits. */
const MAIL_LATE_MS = 60_000

/** `/livez`: the loop turns. `/readyz`: the database takes a write; mail that waits long, and limits that are counted alone, are told, not refused for. */
export function health(app: App, http: Http): void {
  http.get('/livez', async (_request, reply) => reply.send({ status: 'ok' }))
  http.get('/readyz', async (_request, reply) => {
    const database = await canWrite(app)
    const mail = await isMailMoving(app)
    const limits = app.limiter.standing()
    const checks = {
      database: word(database),
      mail: mail ? 'ok' : 'degraded',
      ...(limits === 'only' ? {} : { limits: limits === 'shared' ? 'ok' : 'degraded' }),
    }
    return reply.code(database ? 200 : 503).send({ status: word(database), checks })
  })
}

async function canWrite(app: App): Promise<boolean> {
  try {
    await app.store.settings.proveWritable(app.now())
    return true
  } catch {
    return false
  }
}

async function isMailMoving(app: App): Promise<boolean> {
  try {
    const oldest = await app.store.outbox.oldestWaiting(app.now())
    return oldest === null || app.now() - oldest < MAIL_LATE_MS
  } catch {
    return false
  }
}

const word = (fine: boolean) => (fine ? 'ok' : 'failing')
