import { latelyUsed } from '../lately-used.ts'
import type { AllowanceRow } from '../store/allowances.ts'
import type { ApiKeyRow } from '../store/api-keys.ts'
import type { LiveSessionRow } from '../store/sessions.ts'

const MOST_SESSIONS = 100_000
const MOST_KEYS = 20_000
/** Names that were forgotten lately, from which on every reading under way is taken for one from before. */
const MOST_FORGOTTEN = 1000

/** When a question to the database went out. */
export interface Reading {
  /** By the clock of the world, and by one that is never set. */
  readonly at: number
  readonly tick: number
  /** Changes are heard of without a gap within an era of the feed. */
  readonly era: number
  /** What was forgotten until then, counted. */
  readonly forgotten: number
}

/** What a row said when it was read, and when the database was silent on it since. */
export interface Remembered<Row> {
  readonly row: Row
  readonly read: Reading
  readonly silentAt: number | null
}

/** The rows of one kind, the latest used of them. */
export interface Shelf<Row> {
  readonly size: number
  find(name: string): Remembered<Row> | undefined
  /** Under all of these names, unless something of them or of their person was forgotten since the reading began. */
  keep(names: readonly string[], row: Row, read: Reading): void
  noteSilence(name: string, now: number): void
  forget(name: string): void
  forgetWhere(which: (row: Row) => boolean): void
}

/** What this process remembers of rows, so that it need not ask for each call. */
export interface Memory {
  readonly sessions: Shelf<LiveSessionRow>
  readonly keys: Shelf<ApiKeyRow>
  readonly allowances: Shelf<AllowanceRow>
  /** Counts what was forgotten. */
  readonly forgotten: number
  forgetPerson(id: string): void
  forgetAll(): void
}

export function createMemory(): Memory {
  const log = createLog()
  const sessions = createShelf<LiveSessionRow>(MOST_SESSIONS, log, ({ user_id }) => user_id)
  const keys = createShelf<ApiKeyRow>(MOST_KEYS, log, ({ user_id }) => user_id)
  const allowances = createShelf<AllowanceRow>(MOST_KEYS, log, (_row, userId) => userId)
  const all = [sessions, keys, allowances]
  return {
    sessions,
    keys,
    allowances,
    get forgotten() {
      return log.count()
    },
    forgetPerson(id) {
      log.note(id)
      for (const shelf of all) shelf.dropPerson(id)
    },
    forgetAll() {
      log.noteAll()
      for (const shelf of all) shelf.dropAll()
    },
  }
}

/** What was forgotten, in its order: a row that was read before may not be put back after. */
interface Log {
  count(): number
  note(name: string): void
  noteAll(): void
  isAfter(reading: Reading, names: readonly string[]): boolean
}

function createLog(): Log {
  const latest = new Map<string, number>()
  let count = 0
  let floor = 0
  const noteAll = () => {
    floor = ++count
    latest.clear()
  }
  return {
    count: () => count,
    noteAll,
    note(name) {
      if (latest.size >= MOST_FORGOTTEN) noteAll()
      latest.set(name, ++count)
    },
    isAfter({ forgotten }, names) {
      return floor > forgotten || names.some((name) => (latest.get(name) ?? 0) > forgotten)
    },
  }
}

function createShelf<Row>(max: number, log: Log, personOf: (row: Row, name: string) => string) {
  const index = createIndex()
  const rows = latelyUsed<Remembered<Row>>(max, ({ row }, name) =>
    index.remove(personOf(row, name), name),
  )
  const put = (name: string, remembered: Remembered<Row>) => {
    rows.set(name, remembered)
    index.add(personOf(remembered.row, name), name)
  }
  return {
    get size() {
      return rows.size
    },
    find: (name: string) => rows.get(name),
    keep(names: readonly string[], row: Row, read: Reading) {
      const persons = names.map((name) => personOf(row, name))
      if (log.isAfter(read, [...persons, ...names])) return
      for (const name of names) put(name, { row, read, silentAt: null })
    },
    noteSilence(name: string, now: number) {
      const known = rows.get(name)
      if (known) put(name, { ...known, silentAt: now })
    },
    forget(name: string) {
      log.note(name)
      rows.delete(name)
    },
    forgetWhere(which: (row: Row) => boolean) {
      // What is being read now may be one of them.
      log.noteAll()
      for (const [name, { row }] of rows.entries()) if (which(row)) rows.delete(name)
    },
    dropPerson(person: string) {
      for (const name of index.namesOf(person)) rows.delete(name)
    },
    dropAll: () => rows.clear(),
  }
}

/** The names under which something of a person is remembered: of most it is one. */
function createIndex() {
  const names = new Map<string, string | Set<string>>()
  return {
    add(person: string, name: string) {
      const theirs = names.get(person)
      if (theirs === undefined) names.set(person, name)
      else if (typeof theirs !== 'string') theirs.add(name)
      else if (theirs !== name) names.set(person, new Set([theirs, name]))
    },
    remove(person: string, name: string) {
      const theirs = names.get(person)
      if (theirs === undefined) return
      if (typeof theirs === 'string') {
        if (theirs === name) names.delete(person)
        return
      }
      theirs.delete(name)
      if (theirs.size === 0) names.delete(person)
    },
    namesOf(person: string): string[] {
      const theirs = names.get(person)
      return typeof theirs === 'string' ? [theirs] : [...(theirs ?? [])]
    },
  }
}
