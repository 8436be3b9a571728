import type { Candidate } from './judge.ts'

/** How an import went, or would go. */
export interface Tally {
  rows: number
  /** Accounts that were made, or would be. */
  arrived: number
  /** Of them: who signs in with the old password, by the kind of its hash. */
  readonly withPassword: Map<string, number>
  /** Of them: who chooses a password by mail first, by the reason. */
  readonly withoutPassword: Map<string, number>
  unproven: number
  disabled: number
  /** Rows of people who have an account here already. */
  here: number
  /** Rows that do not come in for any other reason. */
  left: number
}

export function newTally(): Tally {
  return {
    rows: 0,
    arrived: 0,
    withPassword: new Map(),
    withoutPassword: new Map(),
    unproven: 0,
    disabled: 0,
    here: 0,
    left: 0,
  }
}

export function countArrival(tally: Tally, { newcomer, hash, without }: Candidate): void {
  tally.arrived += 1
  if (!newcomer.isProven) tally.unproven += 1
  if (newcomer.isDisabled) tally.disabled += 1
  if (hash !== null) add(tally.withPassword, kindOf(hash))
  else add(tally.withoutPassword, without ?? '')
}

/** The first word of a hash; bcrypt has three for itself. */
function kindOf(hash: string): string {
  const word = hash.split('$')[1] ?? ''
  return word.startsWith('2') ? 'bcrypt' : word
}

export function total(counts: ReadonlyMap<string, number>): number {
  return [...counts.values()].reduce((sum, count) => sum + count, 0)
}

function add(counts: Map<string, number>, name: string): void {
  counts.set(name, (counts.get(name) ?? 0) + 1)
}
