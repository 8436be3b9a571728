import type { App } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { Ended } from '../store/endings.ts'
import type { Aim } from '../store/panic-aim.ts'
import type { Reach } from '../store/panic-reach.ts'
import type { PanicRow } from '../store/panics.ts'
import { forgetApiKeys } from './api-key.ts'
import { allowed } from './audit.ts'
import { keyedHash } from './keyring.ts'
import { ownerLetter } from './notice.ts'
import type { Target } from './panic-target.ts'
import { randomBytes, randomId } from './random.ts'
import type { Acting } from './roster.ts'
import { forgetSession } from './session.ts'

const MINUTE = 60_000
/** How long a plan waits to be confirmed. */
const PLAN_LIFE_MS = 5 * MINUTE
/** How long a panic can be undone. */
const UNDO_MS = 10 * MINUTE
/** Whom of each kind a plan names; the counts count all. */
const MOST_NAMED = 100
/** People who are written to: a panic is not to become a flood of mail. */
const MOST_TOLD = 500
const MOST_SOURCES = 5000

/** Somebody with power over other people's sessions, and the session in which they speak; null in the shell. */
export interface Panicking extends Acting {
  readonly sessionId: string | null
}

export interface Plan {
  readonly id: string
  /** Carries it out, once. */
  readonly confirm: string
  readonly target: Target
  readonly expiresAt: number
  readonly reach: Reach
  /** Null in the shell, which has none. */
  readonly ownSession: 'kept' | 'ends' | null
}

export interface Done {
  readonly id: string
  readonly ended: Ended
  readonly undoUntil: number
}

/** Says what a panic would end, and ends nothing. */
export async function planPanic(acting: Panicking, target: Target): Promise<Plan> {
  const { app, now, actor } = acting
  const aim = await aimOf(app, target, now)
  const reach = await app.store.panics.findReach(aim, now, keptBy(acting, target), MOST_NAMED)
  const confirm = randomBytes(16).toString('base64url')
  const row = {
    id: randomId('pan_'),
    confirm_hash: hashesOf(app, confirm)[0] ?? '',
    actor,
    target: target.text,
    created_at: now,
    expires_at: now + PLAN_LIFE_MS,
  }
  await app.store.panics.plan(row, tell(acting, 'panic.planned', row))
  return {
    id: row.id,
    confirm,
    target,
    expiresAt: row.expires_at,
    reach,
    ownSession: ownSession(acting, target),
  }
}

/** Ends what the target means now, by a plan for the same target: once, however many confirm it at once. */
export async function confirmPanic(
  acting: Panicking,
  target: Target,
  confirm: string,
): Promise<Done> {
  const { app, now, actor } = acting
  const row = await app.store.panics.findByConfirm(hashesOf(app, confirm))
  if (!row) throw refusal(NO_PLAN)
  const aim = await aimOf(app, target, now)
  const keptSession = keptBy(acting, target)
  const { people } = await app.store.panics.findReach(aim, now, keptSession, MOST_TOLD)
  const ended = await app.store.panics.confirm({
    confirmHash: row.confirm_hash,
    actor,
    target: target.text,
    by: randomId('use_'),
    now,
    aim,
    keptSession,
    letters: people.map(({ id, address }) => ({
      ...ownerLetter(acting, address, 'panic'),
      userId: id,
    })),
    events: [
      tell(acting, 'panic.confirmed', row),
      ...people.map(({ id }) => tell(acting, 'panic.ended', row, id)),
    ],
  })
  if (!ended) throw refusal(whyNot(row, actor, target))
  forget(app, ended)
  app.outbox.poke()
  return { id: row.id, ended, undoUntil: now + UNDO_MS }
}

const NO_PLAN = 'This confirms no plan of yours for this target: ask for one first'

/** The statement said no; the row tells which of its conditions did not hold. */
function whyNot(row: PanicRow, actor: string, target: Target): string {
  if (row.actor !== actor || row.target !== target.text) return NO_PLAN
  if (row.confirmed_at !== null) return 'This plan was carried out already'
  return 'This plan is over, or was carried out just now: ask for another one'
}

/** Brings back the sessions and keys that a panic ended and nothing else has ended since. */
export async function undoPanic(acting: Panicking, id: string): Promise<Ended> {
  const { app, now } = acting
  const row = await app.store.panics.find(id)
  if (!row || row.confirmed_at === null) throw new ApiError('RESOURCE_NOT_FOUND')
  const event = tell(acting, 'panic.undone', row)
  const restored = await app.store.panics.undo(id, now - UNDO_MS, randomId('use_'), event)
  if (!restored) {
    const isUndone = (await app.store.panics.find(id))?.undone_at !== null
    throw refusal(
      isUndone
        ? 'This panic was undone already'
        : 'A panic can be undone for ten minutes; people sign in again, and keys are resumed one by one',
    )
  }
  forget(app, restored)
  return restored
}

function ownSession(acting: Panicking, target: Target): Plan['ownSession'] {
  if (acting.sessionId === null) return null
  return keptBy(acting, target) === null ? 'ends' : 'kept'
}

/** The speaker's own session goes on, unless they are the person it is about. */
function keptBy({ sessionId, actor }: Panicking, target: Target): string | null {
  return target.kind === 'user' && target.userId === actor ? null : sessionId
}

async function aimOf(app: App, target: Target, now: number): Promise<Aim> {
  if (target.kind !== 'network') return target
  const { network } = target
  const sources = (await app.store.panics.listSources(now)).filter((source) => network.has(source))
  if (sources.length > MOST_SOURCES) {
    throw refusal(
      `More than ${MOST_SOURCES} sources of that network are here: take a smaller one, or since`,
    )
  }
  return { sources }
}

function tell(
  acting: Panicking,
  event: string,
  { id, target }: Pick<PanicRow, 'id' | 'target'>,
  userId?: string,
) {
  const { actor } = acting
  return allowed(acting, event, { reason: target, userId: userId ?? null, subjectId: id, actor })
}

function hashesOf({ keyring }: App, confirm: string): string[] {
  return keyring.all.map((keys) => keyedHash(keys.of.challenge, 'panic', confirm))
}

function forget(app: App, { sessions, keyHashes }: Ended): void {
  for (const id of sessions) forgetSession(app, id)
  const hashes = new Set(keyHashes)
  forgetApiKeys(app, ({ hash }) => hashes.has(hash))
}

function refusal(reason: string): ApiError {
  return new ApiError('OPERATION_NOT_ALLOWED', { details: { reason } })
}
