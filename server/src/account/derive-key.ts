import type { Static } from 'typebox'
import { makeApiKey } from '../auth/api-key.ts'
import { retiringSecret } from '../auth/former-secret.ts'
import { childEnd, scopesToGive, widened } from '../auth/key-tree.ts'
import { requireKeyHolder } from '../auth/principal.ts'
import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { ApiKeyRow } from '../store/api-keys.ts'
import { describe, type NewApiKeyAnswer, requireKey } from './key-answer.ts'
import { type ChildBody, keptLimits, requireFitting, unfit } from './key-fields.ts'

const STANDARD_SECONDS = 3600

type Wish = Static<typeof ChildBody>

/** Makes a narrower key that ends soon, for a key. */
export async function deriveApiKey(call: Call<Wish>): Promise<Static<typeof NewApiKeyAnswer>> {
  const { app, body, now } = call
  const holder = requireKeyHolder(call)
  requireFitting(app, body)
  const parent = await requireKey(call, holder.keyId, holder.userId)
  const limits = requireNarrower(parent, body)
  const labels = body.labels ?? {}
  const seconds = body.expires_in ?? STANDARD_SECONDS
  const made = await makeApiKey(call, {
    userId: holder.userId,
    parent: { id: parent.id, hash: holder.hash },
    name: body.name,
    scopes: body.scopes ?? scopesToGive(parent),
    expiresAt: childEnd(parent, holder.retiring, seconds, now),
    models: body.models ?? parent.models?.split(' ') ?? null,
    networks: body.networks ?? parent.networks?.split(' ') ?? null,
    limits,
    labels,
  })
  if (made) return { ...describe(made.row, labels), key: made.key }
  // In the meantime its secret may have been replaced.
  retiringSecret(await requireKey(call, parent.id, holder.userId), [holder.hash], now)
  throw new ApiError('OPERATION_NOT_ALLOWED', { details: { reason: 'too_many_children' } })
}

/** What may be spent, once all of the wish is within what the parent may do. */
function requireNarrower(parent: ApiKeyRow, { scopes, models, networks, limits }: Wish) {
  if (scopesToGive(parent).length === 0) throw unfit('scopes', 'this key has none to hand on')
  const kept = keptLimits(limits)
  const wider = widened(parent, {
    ...{ scopes: scopes ?? null, models: models ?? null, networks: networks ?? null },
    limits: kept,
  })
  if (wider) throw unfit(wider.field, wider.message)
  return kept
}
