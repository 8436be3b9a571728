import type { App, RememberedKey } from '../context.ts'
import type { ApiKeyRow } from '../store/api-keys.ts'
import { DatabaseUnavailable } from '../store/database.ts'
import { REMEMBERED_MS } from './session.ts'

/**
 * The row of a key, whatever state it is in; read at most once a second. While the database does not answer, what it said
 * last holds for the lease; a key that nobody here knows is not refused then, it cannot be told (503).
 */
export async function findApiKey(
  app: App,
  hashes: readonly string[],
  now: number,
): Promise<ApiKeyRow | null> {
  const known = recall(app, hashes)
  if (known && (isFresh(known, now) || isLeased(app, known, now))) return known.row
  // However slow the database is, one call a second waits for it, and the others go on.
  if (known) remember(app, { ...known, askedAt: now })
  try {
    return await readApiKey(app, hashes, now)
  } catch (cause) {
    const last = recall(app, hashes)
    if (!(cause instanceof DatabaseUnavailable) || !last) throw cause
    if (!isWithin(now - last.readAt, leaseOf(app))) throw cause
    remember(app, { ...last, askedAt: now })
    return last.row
  }
}

/** The same without a lease: what another server is told, and may hand on, is what the database says. */
export async function readApiKey(
  app: App,
  hashes: readonly string[],
  now: number,
): Promise<ApiKeyRow | null> {
  const known = recall(app, hashes)
  if (known && isFresh(known, now)) return known.row
  const row = await app.store.apiKeys.findByHash(hashes)
  // A canary is looked up as often as a key that nobody has, so that no time tells them apart.
  if (row && row.canary_at === null) remember(app, { row, readAt: now, askedAt: now })
  else for (const hash of hashes) app.liveApiKeys.delete(hash)
  return row
}

const isFresh = ({ readAt }: RememberedKey, now: number) => isWithin(now - readAt, REMEMBERED_MS)

/** Somebody asks the database just now, or did a moment ago and heard nothing. The lease counts from the last time that it told of this key. */
function isLeased(app: App, { readAt, askedAt }: RememberedKey, now: number): boolean {
  const isAsked = askedAt > readAt && isWithin(now - askedAt, REMEMBERED_MS)
  return isAsked && isWithin(now - readAt, leaseOf(app))
}

const leaseOf = ({ config }: App) => config.keyLeaseSeconds * 1000
const isWithin = (age: number, most: number) => age >= 0 && age < most

function recall(app: App, hashes: readonly string[]): RememberedKey | undefined {
  return hashes.map((hash) => app.liveApiKeys.get(hash)).find((known) => known !== undefined)
}

/** Under the secret that it has, and under the one before it, by which somebody may still ask. */
function remember(app: App, known: RememberedKey): void {
  const { hash, former_hash } = known.row
  app.liveApiKeys.set(hash, known)
  if (former_hash !== null) app.liveApiKeys.set(former_hash, known)
}
