import { Type } from 'typebox'
import { allowed } from '../auth/audit.ts'
import { randomId } from '../auth/random.ts'
import type { Acting } from '../auth/roster.ts'
import { seal } from '../auth/seal.ts'
import { ApiError } from '../errors.ts'
import type { WebhookChange, WebhookRow } from '../store/webhooks.ts'
import { whyRefused } from './address.ts'
import { newSecret } from './signature.ts'

export const WebhookParams = Type.Object({ id: Type.String({ pattern: '^whk_[0-9a-f]{32}$' }) })

const MOST_WEBHOOKS = 20
const HOUR = 3_600_000

export interface WebhookWish {
  readonly url: string
  readonly description: string | null
  /** Null for all. */
  readonly types: readonly string[] | null
}

/** An endpoint, and the secret that is shown this once. */
export async function createWebhook(
  acting: Acting,
  { url, description, types }: WebhookWish,
): Promise<{ id: string; secret: string }> {
  const { app, now } = acting
  await requireAddress(acting, url)
  const id = randomId('whk_')
  const secret = newSecret()
  const row = {
    ...{ id, url, description, types: spelt(types), created_at: now },
    sealed_secret: seal(app.keyring, secret, 'webhook'),
  }
  const event = act(acting, 'webhook.created', id)
  if (await app.store.webhooks.create(row, MOST_WEBHOOKS, event)) return { id, secret }
  throw new ApiError('OPERATION_NOT_ALLOWED', {
    details: { reason: `There are ${MOST_WEBHOOKS} endpoints already; remove one first` },
  })
}

export async function changeWebhook(
  acting: Acting,
  id: string,
  { types, ...wish }: Partial<WebhookWish>,
): Promise<void> {
  await requireWebhook(acting, id)
  if (wish.url !== undefined) await requireAddress(acting, wish.url)
  const change: WebhookChange = { ...wish, ...(types === undefined ? {} : { types: spelt(types) }) }
  if (Object.keys(change).length === 0) return
  await acting.app.store.webhooks.change(id, change, act(acting, 'webhook.changed', id))
}

/** Another secret; the one before signs too for so long. */
export async function rotateWebhook(acting: Acting, id: string, hours: number): Promise<string> {
  const { app, now } = acting
  const { sealed_secret: from } = await requireWebhook(acting, id)
  const secret = newSecret()
  const to = seal(app.keyring, secret, 'webhook')
  const rotation = { id, from, to, formerEndsAt: now + hours * HOUR }
  if (await app.store.webhooks.rotate(rotation, act(acting, 'webhook.rotated', id))) return secret
  throw new ApiError('OPERATION_NOT_ALLOWED', {
    details: { reason: 'Somebody else gave it another secret just now' },
  })
}

export async function pauseWebhook(acting: Acting, id: string): Promise<void> {
  await requireWebhook(acting, id)
  await acting.app.store.webhooks.pause(id, 'admin', act(acting, 'webhook.paused', id))
}

export async function resumeWebhook(acting: Acting, id: string): Promise<void> {
  await requireWebhook(acting, id)
  await acting.app.store.webhooks.resume(id, act(acting, 'webhook.resumed', id))
}

export async function deleteWebhook(acting: Acting, id: string): Promise<void> {
  await requireWebhook(acting, id)
  await acting.app.store.webhooks.delete(id, act(acting, 'webhook.deleted', id))
}

/** A sign of life to this endpoint alone; the id of its event. */
export async function testWebhook(acting: Acting, id: string): Promise<string> {
  const { app, now } = acting
  await requireWebhook(acting, id)
  const event = randomId('evt_')
  const told = { id: event, happened_at: now, step: 5, type: 'webhook.test' }
  const nobody = { user_id: null, subject_id: null, facts: null }
  await app.store.webhooks.test(id, { ...told, ...nobody }, act(acting, 'webhook.tested', id))
  return event
}

/** Sends one event once more. */
export async function replayEvent(acting: Acting, id: string, eventId: string): Promise<void> {
  const { deliveries } = acting.app.store
  await requireWebhook(acting, id)
  if (await deliveries.replay(id, eventId, act(acting, 'webhook.replayed', id))) return
  throw new ApiError('RESOURCE_NOT_FOUND')
}

/** Sends all that happened since then once more; how many. */
export async function replaySince(acting: Acting, id: string, since: number): Promise<number> {
  await requireWebhook(acting, id)
  const event = act(acting, 'webhook.replayed', id)
  return acting.app.store.deliveries.replaySince({ webhookId: id, since }, event)
}

export async function requireWebhook(
  { app }: Pick<Acting, 'app'>,
  id: string,
): Promise<WebhookRow> {
  const row = await app.store.webhooks.find(id)
  if (!row) throw new ApiError('RESOURCE_NOT_FOUND')
  return row
}

async function requireAddress({ app }: Acting, url: string): Promise<void> {
  const message = await whyRefused(url, app.config.webhookAllow)
  if (message === null) return
  const details = { fields: [{ field: 'url', message }] }
  throw new ApiError('VALIDATION_ERROR', { details, param: 'url' })
}

const act = (acting: Acting, name: string, subjectId: string) =>
  allowed(acting, name, { subjectId, actor: acting.actor })

const spelt = (types: readonly string[] | null) => types?.join(' ') ?? '*'
