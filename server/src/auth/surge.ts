import type { App } from '../context.ts'
import { SURGE_WRONG_CODES } from '../limits.ts'

const HOUR = 3_600_000
const WEEK_HOURS = 168
const SETTING = 'surge_until'

/** Whether so many wrong codes came in lately that every new code has six digits (security case 50). */
export async function isSurge(app: App, now: number): Promise<boolean> {
  const until = Number(await app.store.settings.find(SETTING))
  return until > now
}

/**
 * Looked at after each wrong code: more of them in an hour than 50, and than five times the mean hour of the
 * week, is an attack on the place as a whole. It counts as over when a day went by without another such hour.
 */
export async function noticeSurge(app: App, now: number): Promise<void> {
  const lately = await app.store.audit.countSince('code.refused', now - HOUR)
  if (lately <= SURGE_WRONG_CODES) return
  const week = await app.store.audit.countSince('code.refused', now - WEEK_HOURS * HOUR)
  if (lately <= (5 * week) / WEEK_HOURS) return
  const known = await isSurge(app, now)
  await app.store.settings.put(SETTING, String(now + 24 * HOUR))
  if (!known) app.log.warn({ event: 'auth.surge', count: lately })
}
