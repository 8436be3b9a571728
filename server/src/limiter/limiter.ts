import type { Bucket, LimitName, LimitTable } from '../limits.ts'
import type { Soon } from '../soon.ts'

/** What a limited answer tells (draft-ietf-httpapi-ratelimit-headers, and the older X- names). */
export interface Ruling {
  readonly allowed: boolean
  /** Calls that would still pass now. */
  readonly remaining: number
  /** Milliseconds until a call is free again; 0 while one is. */
  readonly waitMs: number
  /** Milliseconds until the row is as full as ever. */
  readonly resetMs: number
  /** The bucket that the headers quote: the caller's own, else the row's first; null when there is none. */
  readonly bucket: Bucket | null
}

/** Room of another size than the row's. */
export interface Room {
  /** A whole network has so many times as much; of a part of it one call at once is left. */
  readonly times?: number
  /** The caller's own buckets, in place of the row's that span as long; the first is quoted. */
  readonly own?: readonly Bucket[]
}

export interface Limiter {
  /** Counts a call, if every bucket of the row has room. */
  take(name: LimitName, of: string, now: number, room?: Room): Soon<Ruling>
  /** Says what a call would meet, and counts nothing. */
  look(name: LimitName, of: string, now: number, room?: Room): Soon<Ruling>
  /** Whether there are others to count with, and whether they do: `alone` is a node that lost them. */
  standing(): 'only' | 'shared' | 'alone'
  close(): Promise<void>
}

/** Rows that are remembered: past them one unused for long is forgotten, but never one that is held back. */
const MOST_REMEMBERED = 200_000
/** Of the rows unused longest, so many are looked at for one to forget. */
const CANDIDATES = 8

/** Of a call: less than this is what adding up fractions leaves over, as in spend.lua. */
const ROUNDING = 0.05

/** When a next call passes, then for each bucket when it would be full again. One small array: there are many rows. */
type Row = readonly number[]

export const unlimited: Ruling = {
  allowed: true,
  remaining: 0,
  waitMs: 0,
  resetMs: 0,
  bucket: null,
}

/**
 * Token buckets in memory, by the moment at which each would be full again (GCRA): one number a bucket, no timer.
 * For traffic only; what protects a person is counted in the database.
 */
export function createLimiter(table: LimitTable, most = MOST_REMEMBERED): Limiter {
  const rows = new Map<string, Row>()

  return {
    take(name, of, now, room = usualRoom) {
      const buckets = fit(table[name], room)
      const quoted = quotedOf(buckets, room)
      const bucket = buckets[quoted]
      if (!bucket) return unlimited
      const key = `${name} ${of}`
      const before = rows.get(key) ?? never
      const waitMs = waitFor(1, buckets, before, now)
      const full = fullAt(before, quoted, bucket, now)
      if (waitMs > 0) return describe(bucket, full, now, waitMs)
      const known = before !== never && rows.delete(key)
      if (known || rows.size < most || forgetOne(rows, now)) {
        rows.set(key, countedOn(buckets, before, now))
      }
      return describe(bucket, full + cost(bucket), now, 0)
    },

    look(name, of, now, room = usualRoom) {
      const buckets = fit(table[name], room)
      const quoted = quotedOf(buckets, room)
      const bucket = buckets[quoted]
      if (!bucket) return unlimited
      const before = rows.get(`${name} ${of}`) ?? never
      const full = fullAt(before, quoted, bucket, now)
      return describe(bucket, full, now, waitFor(1, buckets, before, now))
    },

    standing: () => 'only',
    async close() {},
  }
}

/** Of a row that was never counted on. */
const never: Row = [0]
const usualRoom: Room = {}

/** An empty bucket is full again after its span. What is further away was written before the clock was set back, and is forgotten. */
function fullAt(row: Row, index: number, bucket: Bucket, now: number): number {
  const written = row[index + 1] ?? 0
  if (written <= now) return now
  return written > now + spanOf(bucket) + 1 ? now : written
}

const spanOf = (bucket: Bucket) => Math.max(bucket.perMs, bucket.burst * cost(bucket))

/**
 * A map keeps the order of writing, so what was not written for longest stands first. Rows that are held back go
 * behind all others. False when no candidate was free: then the newcomer is the one that is not remembered.
 */
function forgetOne(rows: Map<string, Row>, now: number): boolean {
  let looked = 0
  for (const [key, row] of rows) {
    rows.delete(key)
    if ((row[0] ?? 0) <= now) return true
    rows.set(key, row)
    looked += 1
    if (looked === CANDIDATES) return false
  }
  return false
}

/** Milliseconds until every bucket has room for so many calls. */
function waitFor(calls: number, buckets: readonly Bucket[], row: Row, now: number): number {
  let waitMs = 0
  let index = 0
  for (const each of buckets) {
    const mine = fullAt(row, index, each, now) - now - (each.burst - calls) * cost(each)
    if (mine > waitMs && mine > ROUNDING * cost(each)) waitMs = mine
    index += 1
  }
  return waitMs
}

/** The row with a call more. */
function countedOn(buckets: readonly Bucket[], row: Row, now: number): Row {
  const counted = buckets.map((each, index) => fullAt(row, index, each, now) + cost(each))
  return [now + waitFor(2, buckets, row, now)].concat(counted)
}

/** The shortest span first: a caller whose own numbers change keeps what each span has counted. */
export function fit(row: readonly Bucket[], { times = 1, own = [] }: Room): readonly Bucket[] {
  if (own.length > 0) {
    const others = row.filter(({ perMs }) => own.every((each) => each.perMs !== perMs))
    return [...others, ...own].sort((one, other) => one.perMs - other.perMs)
  }
  return times === 1 ? row : row.map((each) => widen(each, times))
}

export function quotedOf(buckets: readonly Bucket[], { own = [] }: Room): number {
  const [first] = own
  return first ? buckets.indexOf(first) : 0
}

function widen({ calls, perMs, burst }: Bucket, times: number): Bucket {
  return { calls: calls * times, perMs, burst: Math.max(1, burst * times) }
}

export function describe(bucket: Bucket, fullAt: number, now: number, waitMs: number): Ruling {
  const resetMs = Math.max(0, fullAt - now)
  const free = Math.floor(bucket.burst - resetMs / cost(bucket) + ROUNDING)
  const remaining = Math.max(0, Math.min(bucket.calls, waitMs > 0 ? 0 : free))
  return { allowed: waitMs === 0, remaining, waitMs, resetMs, bucket }
}

/** The milliseconds that one call costs a bucket. */
export const cost = (bucket: Bucket) => bucket.perMs / bucket.calls
