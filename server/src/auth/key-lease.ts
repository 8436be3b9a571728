import type { App } from '../context.ts'
import type { Soon } from '../soon.ts'
import type { ApiKeyRow } from '../store/api-keys.ts'
import { askOrLease, holds, recall } from './belief.ts'
import { formerEnd } from './former-secret.ts'

/** How long it is believed that nobody was heard with a secret that ends by silence: other servers hear too. */
const SILENCE_MS = 750

/** The row of a key, whatever state it is in; while the database does not answer, as it was last. */
export function findApiKey(
  app: App,
  hashes: readonly string[],
  now: number,
): Soon<ApiKeyRow | null> {
  const known = believed(app, hashes, now)
  if (known) return known
  const place = { shelf: app.memory.keys, names: hashes, others: 'go on' } as const
  return askOrLease(app, place, now, () => askForApiKey(app, hashes, now))
}

/** The same without a lease: what another server is told, and may hand on, is what the database says. */
export function readApiKey(
  app: App,
  hashes: readonly string[],
  now: number,
): Soon<ApiKeyRow | null> {
  return believed(app, hashes, now) ?? askForApiKey(app, hashes, now)
}

function believed(app: App, hashes: readonly string[], now: number): ApiKeyRow | null {
  const known = recall({ shelf: app.memory.keys, names: hashes })
  if (!known || !holds(app, known, now)) return null
  const { row, read } = known
  const isFormer = row.former_hash !== null && hashes.includes(row.former_hash)
  const isSilent = isFormer && now >= formerEnd(row) && now - read.at >= SILENCE_MS
  return isSilent ? null : row
}

/** Remembered under the secret that it has, and under the one before it, by which somebody may still ask. */
async function askForApiKey(
  app: App,
  hashes: readonly string[],
  now: number,
): Promise<ApiKeyRow | null> {
  const { keys } = app.memory
  const reading = app.feed.begin(now)
  const row = await app.store.apiKeys.findByHash(hashes)
  // A canary is looked up as often as a key that nobody has, so that no time tells them apart.
  if (row && row.canary_at === null) {
    keys.keep(row.former_hash === null ? [row.hash] : [row.hash, row.former_hash], row, reading)
  } else for (const hash of hashes) keys.forget(hash)
  return row
}
