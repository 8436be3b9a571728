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

/** Whether any of these limits is set. */
export const isCapped = (limits: Readonly<Record<Level, SpendingLimits | null>>) =>
  sets(limits.person) || sets(limits.parent) || sets(limits.key)

const sets = (limits: SpendingLimits | null) =>
  limits !== null &&
  (limits.tokens_per_day !== null ||
    limits.tokens_per_month !== null ||
    limits.money_per_day !== null ||
    limits.money_per_month !== null)

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

function endOf({ period, startsAt }: Place): number {
  const at = new Date(startsAt)
  return period === 'day' ? startsAt + DAY : Date.UTC(at.getUTCFullYear(), at.getUTCMonth() + 1)
}

function isRowOf(row: SpendingRow, cap: Cap): boolean {
  const samePeriod = row.period === cap.period && row.starts_at === cap.startsAt
  return samePeriod && row.level === cap.level && row.owner === cap.owner
}
