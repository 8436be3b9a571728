import type { App, Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { Soon } from '../soon.ts'
import type { ApiKeyRow } from '../store/api-keys.ts'
import { type Networks, parseNetworks } from '../wire/network.ts'
import { recordRefusal } from './audit.ts'

/**
 * A key may be bound to some networks. Who holds the whole key and calls from elsewhere is told why, since they know
 * all there is to know about it; the owner finds the call in the trail and at the key.
 */
export function requireNetwork(
  call: Pick<Call, 'app' | 'origin' | 'now'>,
  row: ApiKeyRow,
): Soon<void> {
  const { app, origin } = call
  const bounds = [row.networks, row.parent_networks].filter((networks) => networks !== null)
  if (bounds.every((networks) => networksOf(app, networks).hold(origin.address))) return
  return refuse(call, row)
}

async function refuse(call: Pick<Call, 'app' | 'origin' | 'now'>, row: ApiKeyRow): Promise<never> {
  const { app, origin, now } = call
  app.keyUses.noteRefused(row, origin, now)
  const { allowed } = await app.limiter.take('refused-network', row.id, now)
  const about = { reason: 'network', userId: row.user_id, subjectId: row.id }
  if (allowed) await recordRefusal(call, 'key.refused', about)
  throw new ApiError('INSUFFICIENT_PERMISSIONS', { details: { reason: 'network' } })
}

/** Reading networks costs more than asking them, so the last ones read are kept. */
function networksOf(app: App, text: string): Networks {
  const known = app.keyNetworks.get(text)
  if (known) return known
  const networks = parseNetworks(text.split(' '))
  app.keyNetworks.set(text, networks)
  return networks
}
