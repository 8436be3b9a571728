import type { App } from '../context.ts'
import { BOMBING, STUFFING, SURGE_WRONG_CODES } from '../limits.ts'
import { suspected } from './audit.ts'

const HOUR = 3_600_000
const WEEK_HOURS = 168
/** Until when a surge lasts. */
export const SURGE_SETTING = 'surge_until'
const BOMBING_SETTING = 'bombing_until'

/** Whether so many wrong codes came in lately that every new code has six digits (security case 50). */
export async function isSurge(app: App, now: number): Promise<boolean> {
  return Number(await app.store.settings.find(SURGE_SETTING)) > now
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
  await beginSurge(app, now, 'auth.surge', lately)
}

/**
 * Looked at once a minute, since no single limit sees it: one wrong password on each of many accounts, from many
 * sources (security case 4). Far more wrong ones than right ones in an hour are a list being tried.
 */
export async function noticeStuffing(
  app: App,
  now: number,
  most: number = STUFFING.wrongPasswords,
): Promise<void> {
  const since = now - HOUR
  const wrong = await app.store.audit.countSince('login.refused', since, 'wrong_password')
  if (wrong <= most) return
  const right = await app.store.audit.countSince('login.password', since)
  if (wrong <= STUFFING.timesRight * right) return
  const isNew = await beginSurge(app, now, 'auth.stuffing_suspected', wrong)
  if (isNew) await app.store.audit.record(suspected(now, 'auth.stuffing_suspected'))
}

/**
 * Looked at once a minute: registrations that nobody finishes are letters to people who did not ask for them, each
 * below every limit of its own. While it lasts all letters to strangers share a few a minute (auth/ceilings.ts).
 */
export async function noticeBombing(
  app: App,
  now: number,
  most: number = BOMBING.begun,
): Promise<void> {
  const since = now - HOUR
  const begun = await app.store.audit.countSince('registration.begun', since)
  if (begun <= most) return
  const finished = await app.store.audit.countSince('registration.verified', since)
  if (begun <= BOMBING.timesFinished * finished) return
  const known = await isBombing(app, now)
  await app.store.settings.put(BOMBING_SETTING, String(now + HOUR))
  if (known) return
  app.log.warn({ event: 'mail.bombing_suspected', count: begun })
  await app.store.audit.record(suspected(now, 'mail.bombing_suspected'))
}

/** Whether letters to strangers are held to a few a minute. */
export async function isBombing(app: App, now: number): Promise<boolean> {
  return Number(await app.store.settings.find(BOMBING_SETTING)) > now
}

/** True when there was no surge before. */
async function beginSurge(app: App, now: number, event: string, count: number): Promise<boolean> {
  const known = await isSurge(app, now)
  await app.store.settings.put(SURGE_SETTING, String(now + 24 * HOUR))
  if (!known) app.log.warn({ event, count })
  return !known
}
