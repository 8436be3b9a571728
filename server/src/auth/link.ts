import type { App } from '../context.ts'
import { isLoopback } from '../loopback.ts'
import type { ChallengeRow } from '../store/challenges.ts'
import type { LinkPurpose, LinkRow, NewLink } from '../store/links.ts'
import { rules } from './challenge.ts'
import { keyedHash } from './keyring.ts'
import { randomBytes } from './random.ts'

const DAY = 86_400_000
/** 22 characters of base64url carry 132 bits. */
const SECRET_LENGTH = 22
const shape = /^[A-Za-z0-9_-]{22}$/

/** How long an address that was left may be taken back, and is nobody else's. */
export const UNDO_MS = 7 * DAY

const lives: Readonly<Record<LinkPurpose, number>> = {
  reset: rules.password_reset.resendMs,
  'not-me': 7 * DAY,
  'undo-email': UNDO_MS,
}

interface Beneficiary {
  readonly userId: string
  readonly now: number
  readonly address?: string
}

/** A link as a letter shows it, and the row that proves it. */
export interface Link {
  readonly url: string
  readonly row: NewLink
}

export function newLink(app: App, purpose: LinkPurpose, about: Beneficiary): Link {
  const secret = randomBytes(17).toString('base64url').slice(0, SECRET_LENGTH)
  return linkOf(app, purpose, secret, about)
}

/** What the letters of a challenge carry beside the code. */
const beside: Partial<Record<ChallengeRow['purpose'], LinkPurpose>> = {
  login: 'not-me',
  password_reset: 'reset',
}

/** The link of a challenge; derived like its code, so that it is stored nowhere and each resend carries the same. */
export function challengeLink(app: App, challenge: ChallengeRow): Link | null {
  const { id, keys_id, user_id, created_at } = challenge
  const purpose = beside[challenge.purpose]
  const keys = app.keyring.find(keys_id)
  if (!purpose || !keys || !user_id) return null
  const secret = keyedHash(keys.of.link, purpose, id).slice(0, SECRET_LENGTH)
  return linkOf(app, purpose, secret, { userId: user_id, now: created_at })
}

/** The live link of this secret and purpose, or null: used, ended, over and unknown are one answer. */
export async function findLink(
  app: App,
  purpose: LinkPurpose,
  secret: string,
  now: number,
): Promise<LinkRow | null> {
  if (!shape.test(secret)) return null
  const ids = app.keyring.all.map((keys) => keyedHash(keys.of.link, 'kept', secret))
  const row = await app.store.links.find(ids, purpose)
  if (!row || row.consumed_at !== null || row.ended_at !== null) return null
  return now < row.expires_at ? row : null
}

/** Where links of ours begin. Never what a request says of its host (security case 57). */
export function baseAddress({ config, bound }: App): string {
  const host = isLoopback(config.host) ? 'localhost' : config.host
  return config.publicUrl ?? `http://${host}:${bound.port}`
}

function linkOf(
  app: App,
  purpose: LinkPurpose,
  secret: string,
  { userId, now, address = undefined }: Beneficiary,
): Link {
  return {
    url: `${baseAddress(app)}/account/${purpose}/${secret}`,
    row: {
      id: keyedHash(app.keyring.current.of.link, 'kept', secret),
      purpose,
      user_id: userId,
      address: address ?? null,
      created_at: now,
      expires_at: now + lives[purpose],
    },
  }
}
