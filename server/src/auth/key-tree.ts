import type { ApiKeyLimits, ApiKeyRow, RequestLimits } from '../store/api-keys.ts'
import { isWithin } from '../wire/network.ts'
import type { Retiring } from './former-secret.ts'

/** A child lives so long at most. */
export const LONGEST_CHILD_SECONDS = 86_400

/** What a child is held to beside its own terms, as its parent's stand now. */
export interface ParentKey {
  readonly id: string
  readonly models: readonly string[] | null
  readonly limits: ApiKeyLimits & RequestLimits
}

/** The key that made this one; null of a person's. */
export function parentOf(row: ApiKeyRow): ParentKey | null {
  if (row.parent_id === null) return null
  return {
    id: row.parent_id,
    models: row.parent_models?.split(' ') ?? null,
    limits: {
      requests_per_minute: row.parent_requests_per_minute,
      requests_per_day: row.parent_requests_per_day,
      tokens_per_day: row.parent_tokens_per_day,
      tokens_per_month: row.parent_tokens_per_month,
      money_per_day: row.parent_money_per_day,
      money_per_month: row.parent_money_per_month,
    },
  }
}

/** Whether a model is among those of a key: exact names, or beginnings with a star behind; null means every model. */
export function isNamed(model: string, names: readonly string[] | null): boolean {
  if (names === null) return true
  return names.some((name) =>
    name.endsWith('*') ? model.startsWith(name.slice(0, -1)) : model === name,
  )
}

/** What a program wants for a child of its key, in the words that are kept; null where nothing was said. */
export interface ChildWish {
  readonly scopes: readonly string[] | null
  readonly models: readonly string[] | null
  readonly networks: readonly string[] | null
  readonly limits: Partial<ApiKeyLimits>
}

/** The first field in which a child would do more than its parent, and what it may say; null when there is none. */
export function widened(
  parent: Pick<ApiKeyRow, 'scopes' | 'models' | 'networks' | keyof ApiKeyLimits>,
  wish: ChildWish,
): { readonly field: string; readonly message: string } | null {
  const scopes = scopesToGive(parent)
  if (!(wish.scopes ?? scopes).every((scope) => scopes.includes(scope))) {
    return { field: 'scopes', message: `of those of this key: ${scopes.join(', ')}` }
  }
  const models = parent.models?.split(' ') ?? null
  if (!(wish.models ?? []).every((name) => coversName(models, name))) {
    return { field: 'models', message: 'within those of this key' }
  }
  const networks = parent.networks?.split(' ') ?? null
  if (!(wish.networks ?? []).every((inner) => coversNetwork(networks, inner))) {
    return { field: 'networks', message: 'within those of this key' }
  }
  const past = Object.entries(wish.limits).find(([name, most]) => {
    const own = parent[name as keyof ApiKeyLimits]
    return own !== null && most !== null && most > own
  })
  return past ? { field: `limits.${past[0]}`, message: 'no more than that of this key' } : null
}

/** What a key may hand on; making keys is none of it, nor what the operator gave to it alone. */
export const scopesToGive = ({ scopes }: Pick<ApiKeyRow, 'scopes'>) =>
  scopes.split(' ').filter((scope) => scope !== 'keys:derive' && scope !== 'tokens:introspect')

/** When a child ends: with its parent at the latest, or with the secret of it that asked, as that stands now. */
export function childEnd(
  parent: Pick<ApiKeyRow, 'expires_at'>,
  retiring: Retiring | null,
  seconds: number,
  now: number,
): number {
  const never = Number.POSITIVE_INFINITY
  const ends = [parent.expires_at ?? never, retiring?.endsIfSilent ?? never]
  return Math.min(now + seconds * 1000, ...ends)
}

/** A beginning is within a beginning of it; a name is within itself, and its beginnings. */
function coversName(names: readonly string[] | null, wish: string): boolean {
  if (names === null) return true
  if (!wish.endsWith('*')) return isNamed(wish, names)
  const start = wish.slice(0, -1)
  return names.some((name) => name.endsWith('*') && start.startsWith(name.slice(0, -1)))
}

const coversNetwork = (networks: readonly string[] | null, inner: string) =>
  networks === null || networks.some((outer) => isWithin(inner, outer))
