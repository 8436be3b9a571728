import type {
  Cap,
  Level,
  LimitName,
  Place,
  SpendingLimits,
  SpendingRow,
} from '../store/spending.ts'

const DAY = 86_400_000

/** One limit as it stood when somebody looked. */
export interface Standing {
  readonly level: Level
  readonly owner: string
  readonly limit: LimitName
  /** Spent, and held for calls under way. */
  readonly used: number
  readonly held: number
  readonly most: number
  readonly resetsAt: number
}

type Period = Pick<Place, 'period' | 'startsAt'>

/** The UTC day and month of a moment. */
export function periodsOf(now: number): [day: Period, month: Period] {
  const at = new Date(now)
  return [
    { period: 'day', startsAt: now - (now % DAY) },
    { period: 'month', startsAt: Date.UTC(at.getUTCFullYear(), at.getUTCMonth()) },
  ]
}

/** Who pays for a call. */
export interface Payer {
  readonly userId: string
  /** Null for a person with a session. */
  readonly keyId: string | null
  /** The key that made this one. */
  readonly parentId: string | null
}

/** The counters that a call is in: its person's, and its key's where it has one, and those of the key that made that. */
export function placesOf({ userId, keyId, parentId }: Payer, now: number): Place[] {
  const owners = [
    { level: 'person', owner: userId } as const,
    ...(parentId === null ? [] : [{ level: 'parent', owner: parentId } as const]),
    ...(keyId === null ? [] : [{ level: 'key', owner: keyId } as const]),
  ]
  return owners.flatMap((owner) => periodsOf(now).map((period) => ({ ...owner, ...period })))
}

/** The same counters with what may be spent in each. */
export function capsIn(
  places: readonly Place[],
  limits: Readonly<Record<Level, SpendingLimits | null>>,
): Cap[] {
  return places.map((place) => ({
    ...place,
    tokens: limits[place.level]?.[`tokens_per_${place.period}`] ?? null,
    money: limits[place.level]?.[`money_per_${place.period}`] ?? null,
  }))
}

export const isCapped = (caps: readonly Cap[]) =>
  caps.some(({ tokens, money }) => tokens !== null || money !== null)

/** Each limit of these caps beside what its counters say. */
export function standingsOf(caps: readonly Cap[], rows: readonly SpendingRow[]): Standing[] {
  return caps.flatMap((cap) => {
    const row = rows.find((candidate) => isRowOf(candidate, cap))
    const { level, owner, period } = cap
    const about = { level, owner, resetsAt: endOf(cap) }
    const tokens = {
      limit: `tokens_per_${period}`,
      most: cap.tokens,
      held: row?.held_tokens ?? 0,
      used: (row?.held_tokens ?? 0) + (row?.spent_tokens ?? 0),
    } as const
    const money = {
      limit: `money_per_${period}`,
      most: cap.money,
      held: row?.held_money ?? 0,
      used: (row?.held_money ?? 0) + (row?.spent_money ?? 0),
    } as const
    return [tokens, money].flatMap(({ most, ...rest }) =>
      most === null ? [] : [{ ...about, ...rest, most }],
    )
  })
}

/** The limit that a caller has to wait for: of those reached the one that ends last, since waiting for an earlier one would not help. */
export function reachedIn(standings: readonly Standing[]): Standing | null {
  const reached = standings.filter(({ used, most }) => used >= most)
  return reached.toSorted((one, other) => other.resetsAt - one.resetsAt)[0] ?? null
}

/** The standings of a decision as they are kept beside it: a line each. */
export function spellStandings(standings: readonly Standing[]): string | null {
  const lines = standings.map(({ level, owner, limit, used, held, most, resetsAt }) =>
    [level, owner, limit, used, held, most, resetsAt].join(' '),
  )
  return lines.join('\n') || null
}

export function readStandings(text: string | null): Standing[] {
  return (text?.split('\n') ?? []).map((line) => {
    const [level, owner = '', limit, ...numbers] = line.split(' ')
    const [used = 0, held = 0, most = 0, resetsAt = 0] = numbers.map(Number)
    return { level: level as Level, owner, limit: limit as LimitName, used, held, most, resetsAt }
  })
}

function endOf({ period, startsAt }: Period): number {
  const at = new Date(startsAt)
  return period === 'day' ? startsAt + DAY : Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1)
}

function isRowOf(row: SpendingRow, cap: Cap): boolean {
  const samePeriod = row.period === cap.period && row.starts_at === cap.startsAt
  return samePeriod && row.level === cap.level && row.owner === cap.owner
}
