import type { Clock } from '../context.ts'
import type { Log } from '../log.ts'
import type { ChangeStore, Look } from '../store/changes.ts'
import type { Memory, Reading } from './memory.ts'

/** How often it is looked for changes: where the database speaks up that is the second way to hear of them. */
const LOOK_EVERY_MS = { SQLite: 100, PostgreSQL: 250 }
/** Between two looks, however many changes there are. */
const REST_MS = 20
/** How old the last good look may be: with the look after it, nobody is later than a second. */
const ALIVE_MS = 900
/** Changes that are told one by one; of more than these everything is forgotten. */
const MOST_AT_ONCE = 5000
/** Changes are kept for an hour: who did not look for so long does not know what it missed. */
const GAP_MS = 1_800_000
const MOST_DELAYS = 1000
const MOST_ERAS = 100

/**
 * How this process hears what others, or an operator's own SQL, changed about somebody. While it lives a remembered row holds
 * until something of its person is heard; when it does not, every call asks the database.
 */
export interface Feed {
  /** To be called before a row is read that is to be remembered. */
  begin(now: number): Reading
  /** Whether a row that was read then still says what is so. */
  holds(reading: Reading, now: number): boolean
  /** For how long nobody has known whether it does. */
  doubtedFor(reading: Reading, now: number): number
  /** Looks for changes now. */
  look(): Promise<void>
  start(): void
  stop(): Promise<void>
  standing(now: number): FeedStanding
}

export interface FeedStanding {
  readonly lives: boolean
  /** From a change to its being heard here, of the latest; null before the first. */
  readonly delayMs: { readonly median: number; readonly p99: number } | null
}

export interface FeedParts {
  readonly changes: ChangeStore
  readonly engine: keyof typeof LOOK_EVERY_MS
  readonly memory: Memory
  readonly now: Clock
  /** Milliseconds of a clock that nobody sets. */
  readonly tick: Clock
  readonly log: Log
  /** Called with the delay of each change that is heard. */
  readonly onHeard: (delayMs: number) => void
}

type Moment = Pick<Reading, 'at' | 'tick'>

export function createFeed(parts: FeedParts): Feed {
  const { changes, engine, memory, now, tick, log } = parts
  /** When the last good look went out; of eras that are over, of each the last one. */
  let heard: Moment = { at: 0, tick: Number.NEGATIVE_INFINITY }
  const ends = new Map<number, Moment>()
  let era = 0
  let last: Look | null = null
  let isLost = false
  const seen = new Set<string>()
  const delays: number[] = []

  const age = ({ at, tick: then }: Moment, moment: number) =>
    Math.max(tick() - then, moment - at, 0)
  const lives = (moment: number) => last !== null && !isLost && age(heard, moment) <= ALIVE_MS

  /** Rows from before are read again; should the database go away, they are still worth something. */
  const beginEra = () => {
    ends.set(era, heard)
    if (ends.size > MOST_ERAS) ends.delete(era - MOST_ERAS)
    era += 1
  }
  const take = (look: Look, asked: Moment) => {
    const isGap = last !== null && age(heard, asked.at) > GAP_MS
    const isMany = look.changes.length > MOST_AT_ONCE
    const isElsewhere = look.place !== last?.place || look.horizon < last.horizon
    if (isGap || isMany) memory.forgetAll()
    if (isGap || isMany || isElsewhere || isLost) beginEra()
    const way = tick() - asked.tick
    for (const change of look.changes) {
      const name = `${change.txid} ${change.user_id}`
      if (seen.has(name)) continue
      memory.forgetPerson(change.user_id)
      note(look.lookedAt - change.happened_at + way)
    }
    seen.clear()
    for (const { txid, user_id } of look.changes) {
      if (txid >= look.horizon) seen.add(`${txid} ${user_id}`)
    }
    if (isLost) log.info({ event: 'feed.back' })
    isLost = false
    last = look
    heard = asked
  }
  const note = (delayMs: number) => {
    parts.onHeard(delayMs)
    delays.push(delayMs)
    if (delays.length > MOST_DELAYS) delays.shift()
  }
  const look = async () => {
    const asked = { at: now(), tick: tick() }
    try {
      take(await changes.look(last?.horizon ?? null, MOST_AT_ONCE + 1), asked)
    } catch (cause) {
      if (!isLost) log.warn({ event: 'feed.lost', cause })
      isLost = true
    }
  }
  const rounds = createRounds(look, LOOK_EVERY_MS[engine])
  return {
    begin: (moment) => ({ at: moment, tick: tick(), era, forgotten: memory.forgotten }),
    holds: (reading, moment) => reading.era === era && lives(moment),
    doubtedFor(reading, moment) {
      const end = reading.era === era ? heard : ends.get(reading.era)
      return Math.min(age(reading, moment), end ? age(end, moment) : Number.POSITIVE_INFINITY)
    },
    look: rounds.once,
    start() {
      changes.listen(rounds.hurry)
      rounds.start()
    },
    async stop() {
      await rounds.stop()
      await changes.close()
    },
    standing: (moment) => ({ lives: lives(moment), delayMs: percentiles(delays) }),
  }
}

function percentiles(delays: readonly number[]): FeedStanding['delayMs'] {
  const sorted = delays.toSorted((one, other) => one - other)
  const at = (share: number) => sorted[Math.ceil(sorted.length * share) - 1] ?? 0
  return sorted.length ? { median: at(0.5), p99: at(0.99) } : null
}

interface Rounds {
  once(): Promise<void>
  start(): void
  /** Does not wait for the next round. */
  hurry(): void
  stop(): Promise<void>
}

/** One round at a time, with a rest after each; a hurry during one is another one after it. */
function createRounds(work: () => Promise<void>, everyMs: number): Rounds {
  let running: Promise<void> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  let state: 'idle' | 'working' | 'resting' | 'over' = 'over'
  let isHurried = false
  const later = (ms: number) => {
    clearTimeout(timer)
    timer = setTimeout(round, ms).unref()
  }
  const once = () => {
    running = running.then(work)
    return running
  }
  const round = async () => {
    if (state === 'over') return
    state = 'working'
    isHurried = false
    await once()
    if (isOver()) return
    state = 'idle'
    later(isHurried ? REST_MS : everyMs)
  }
  const isOver = () => state === 'over'
  return {
    once,
    start() {
      state = 'idle'
      later(0)
    },
    hurry() {
      if (state === 'over' || isHurried) return
      isHurried = true
      if (state === 'idle') later(REST_MS)
    },
    async stop() {
      state = 'over'
      clearTimeout(timer)
      await running
    },
  }
}
