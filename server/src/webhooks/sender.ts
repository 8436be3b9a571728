import { randomUUID } from 'node:crypto'
import { allowed } from '../auth/audit.ts'
import { ownerLetter } from '../auth/notice.ts'
import { unseal } from '../auth/seal.ts'
import type { App } from '../context.ts'
import type { LeasedDelivery } from '../store/deliveries.ts'
import type { WebhookRow } from '../store/webhooks.ts'
import { version } from '../version.ts'
import { eventBody } from './event-body.ts'
import { placeEvents } from './place-events.ts'
import type { Outcome, Post } from './post.ts'
import { isDead, nextTry, restUntil } from './schedule.ts'
import { signedHeaders } from './signature.ts'

/** To one endpoint at the same time. */
const CONCURRENCY = 4
/** Longer than a try may take: a sender that died is followed by another one, with the same `webhook-id`. */
const LEASE_MS = 30_000
const POLL_MS = 1000

export interface Sender {
  start(): void
  /** Sends everything that is due. */
  drain(): Promise<void>
  stop(): Promise<void>
}

/** Sends events to endpoints, each endpoint at its own pace: one that is slow or silent holds up no other. */
export function createSender(app: App, post: Post): Sender {
  const worker = randomUUID()
  const busy = new Map<string, Promise<void>>()
  let timer: NodeJS.Timeout | undefined
  let stopped = false

  const serve = async (id: string) => {
    while (!stopped) {
      const now = app.now()
      const lease = { webhookId: id, worker, now, leaseMs: LEASE_MS, most: CONCURRENCY }
      const deliveries = await app.store.deliveries.claim(lease)
      const webhook = deliveries.length > 0 ? await app.store.webhooks.find(id) : null
      if (!webhook) return
      await Promise.all(deliveries.map((each) => deliver(app, post, worker, webhook, each)))
    }
  }
  const look = async () => {
    await placeEvents(app)
    for (const id of await app.store.deliveries.listDue(app.now())) {
      if (busy.has(id)) continue
      const work = serve(id).catch((cause) => warn(app, id, cause))
      busy.set(
        id,
        work.finally(() => busy.delete(id)),
      )
    }
  }
  return {
    start() {
      timer = setInterval(() => look().catch((cause) => warn(app, '', cause)), POLL_MS).unref()
    },
    async drain() {
      await look()
      await Promise.all(busy.values())
    },
    async stop() {
      stopped = true
      clearInterval(timer)
      await Promise.all(busy.values())
      await post.close()
    },
  }
}

const warn = ({ log }: App, webhookId: string, cause: unknown) =>
  log.warn({ event: 'webhooks', webhookId, cause })

async function deliver(
  app: App,
  post: Post,
  worker: string,
  webhook: WebhookRow,
  delivery: LeasedDelivery,
): Promise<void> {
  const body = JSON.stringify(eventBody(delivery))
  const timestamp = Math.floor(app.now() / 1000)
  const headers = {
    'content-type': 'application/json',
    'user-agent': `freddy-auth/${version}`,
    ...signedHeaders({ id: delivery.id, timestamp, body }, secretsOf(app, webhook)),
  }
  const outcome = await post.send(webhook.url, headers, body)
  const { status } = outcome
  const now = app.now()
  if (outcome.reason === null) {
    return app.store.deliveries.markDelivered(webhook.id, delivery, { worker, now, status })
  }
  await fail(app, worker, webhook, delivery, outcome, now)
}

/** Both of them while one takes the place of the other. */
function secretsOf({ keyring, now }: App, webhook: WebhookRow): string[] {
  const { sealed_secret, former_sealed, former_ends_at } = webhook
  const former = former_ends_at !== null && now() < former_ends_at ? former_sealed : null
  return [sealed_secret, former].flatMap((sealed) => {
    const secret = sealed && unseal(keyring, sealed, 'webhook')
    return secret ? [secret] : []
  })
}

async function fail(
  app: App,
  worker: string,
  webhook: WebhookRow,
  delivery: LeasedDelivery,
  { status, reason }: Outcome,
  now: number,
): Promise<void> {
  const { deliveries } = app.store
  const nextAt = nextTry(delivery.id, delivery.tries, now)
  const failures = webhook.failures + 1
  await deliveries.markFailed(webhook.id, delivery, {
    ...{ worker, now, status, nextAt },
    reason: reason ?? 'refused',
    restUntil: restUntil(failures, now),
  })
  const told = { webhookId: webhook.id, ...(status === null ? {} : { status }) }
  app.log.warn({ event: 'webhook.failed', ...told, reason: reason ?? 'refused' })
  if (status === 410) return pause(app, webhook, 'gone', now)
  if (isDead(failures, webhook.failing_since, now)) return pause(app, webhook, 'failures', now)
}

/** Stops sending there, and tells the admins. */
async function pause(app: App, webhook: WebhookRow, by: string, now: number): Promise<void> {
  const origin = { address: '', source: '', network: null, agent: 'freddy-auth' }
  const call = { app, now, origin }
  const admins = (await app.store.users.listAdmins()).map(({ id, address }) => ({
    ...ownerLetter(call, address, 'webhook-paused', {
      place: webhook.url,
      gone: by === 'gone',
    }),
    userId: id,
  }))
  const event = allowed(call, 'webhook.paused', { subjectId: webhook.id, reason: by })
  if (await app.store.webhooks.pause(webhook.id, by, event, admins)) app.outbox.poke()
}
