import type { App } from '../context.ts'
import { ApiError } from '../errors.ts'
import { parseSourceRange, type SourceRange } from '../wire/source-range.ts'
import { findAccount } from './account.ts'

/** What a panic is about, and how that is written down. */
export type Target = { readonly text: string } & (
  | { readonly kind: 'user'; readonly userId: string }
  | { readonly kind: 'network'; readonly network: SourceRange }
  | { readonly kind: 'since'; readonly since: number }
)

/** As somebody says it: exactly one of them. */
export interface Wanted {
  readonly user?: string | undefined
  readonly network?: string | undefined
  readonly since?: string | undefined
}

export async function readTarget(app: App, wanted: Wanted, now: number): Promise<Target> {
  const given = [wanted.user, wanted.network, wanted.since].filter((value) => value !== undefined)
  if (given.length !== 1)
    throw misfit('user', 'must come alone: exactly one of user, network and since')
  if (wanted.user !== undefined) return readUser(app, wanted.user)
  if (wanted.network !== undefined) return readNetwork(wanted.network)
  return readSince(wanted.since ?? '', now)
}

/** By id, by address, or by user name. */
async function readUser(app: App, name: string): Promise<Target> {
  const isId = /^usr_[0-9a-f]{32}$/.test(name)
  const user = isId ? await app.store.users.find(name) : await findAccount(app, name)
  if (!user) throw new ApiError('RESOURCE_NOT_FOUND')
  return { kind: 'user', userId: user.id, text: `user ${user.id}` }
}

function readNetwork(text: string): Target {
  const network = parseSourceRange(text)
  if (!network) throw misfit('network', 'must be a network such as 192.0.2.0/24 or 2001:db8::/48')
  return { kind: 'network', network, text: `network ${network.text}` }
}

function readSince(text: string, now: number): Target {
  const since = Date.parse(text)
  if (Number.isNaN(since) || since > now) {
    throw misfit('since', 'must be a moment that is over, such as 2026-11-23T14:05:00Z')
  }
  return { kind: 'since', since, text: `since ${new Date(since).toISOString()}` }
}

function misfit(field: string, message: string): ApiError {
  return new ApiError('VALIDATION_ERROR', {
    details: { fields: [{ field, message }] },
    param: field,
  })
}
