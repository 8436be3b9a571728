import { type Cost, fields, map } from './costs.ts'
import type { Measured } from './measure.ts'

/** What people do, and how: change a number and the curves follow. */
export const habits = {
  /** Of all accounts, those that do something on a day. */
  activeShare: 0.3,
  /** What one of them does on it. */
  eachDay: {
    'sign in by password': 0.1,
    'send a letter': 0.1,
    'verify a sign-in': 0.1,
    refresh: 2,
    'check a token, remembered': 20,
    'check a token, read from the database': 20,
    'call a model': 20,
  },
  /** Accounts that begin on a day, of all. */
  newShare: 0.001,
  /** The busiest hour is so many times the mean one. */
  peak: 3,
  /** A core is planned to be this busy. */
  busy: 0.6,
  /** How long a transaction holds its connection, at most planned. */
  heldMs: 3,
} as const

/** Rows that stay, for each account: what an account has, or what a day leaves and how many days that is kept. */
const keptRows: Readonly<Record<string, (active: number, fresh: number) => number>> = {
  users: () => 1,
  devices: () => 1.5,
  sessions: (active, fresh) => (active * 0.1 + fresh) * 120,
  audit_events: (active, fresh) => (active * 2.3 + fresh * 3) * 90,
  challenges: (active, fresh) => (active * 0.1 + fresh) * 2,
  outbox: (active, fresh) => (active * 0.1 + fresh) * 2,
  usage_entries: (active) => active * 20 * 400,
}

export interface Need {
  readonly users: number
  readonly callsEachSecond: number
  readonly serverCores: number
  readonly databaseCores: number
  readonly connections: number
  readonly syncsEachSecond: number
  readonly logMegabytesEachSecond: number
  readonly gigabytes: number
}

/** What so many accounts need at the busiest time of a day. */
export function needOf(users: number, { costs, rowBytes }: Measured): Need {
  const { activeShare, eachDay, newShare, peak, busy, heldMs } = habits
  const rates = new Map<string, number>()
  const add = (name: string, daily: number) =>
    rates.set(name, (rates.get(name) ?? 0) + (daily * users * peak) / 86_400)
  for (const [name, times] of Object.entries(eachDay)) add(name, times * activeShare)
  for (const name of ['register', 'send a letter', 'verify a registration']) add(name, newShare)
  const load = map((field) =>
    [...rates].reduce((sum, [name, rate]) => sum + rate * costIn(costs, name)[field], 0),
  )
  const bytes = Object.entries(keptRows).reduce(
    (sum, [table, rows]) => sum + rows(activeShare, newShare) * (rowBytes.get(table) ?? 0),
    0,
  )
  return {
    users,
    callsEachSecond: [...rates.values()].reduce((sum, rate) => sum + rate, 0),
    serverCores: load.serverMs / 1000 / busy,
    databaseCores: load.databaseMs / 1000 / busy,
    connections: (load.trips * heldMs) / 1000,
    syncsEachSecond: load.syncs,
    logMegabytesEachSecond: load.logBytes / 1e6,
    gigabytes: (bytes * users) / 1e9,
  }
}

function costIn(costs: Measured['costs'], name: string): Cost {
  const cost = costs.get(name)
  if (!cost)
    throw new Error(`"${name}" was not measured; there are ${[...costs.keys()]}, ${fields}`)
  return cost
}
