import type { App } from '../context.ts'
import { DatabaseUnavailable } from '../store/database.ts'
import type { Remembered, Shelf } from './memory.ts'

/** After the database was silent on a row, who asks for it within this time is not to wait for it once more. */
const SILENT_MS = 750

/** Where a row may be remembered. */
interface Place<Row> {
  readonly shelf: Shelf<Row>
  readonly names: readonly string[]
  /** Who asks for the same meanwhile goes on by the lease, however slow the database is. Else they wait too. */
  readonly others?: 'go on'
}

/** What is remembered of a row, whether or not it still holds. */
export function recall<Row>({ shelf, names }: Place<Row>): Remembered<Row> | undefined {
  for (const name of names) {
    const known = shelf.find(name)
    if (known) return known
  }
  return undefined
}

/** Whether it is so now: the feed lives, and has told of no change. */
export function holds<Row>({ feed }: App, known: Remembered<Row>, now: number): boolean {
  return feed.holds(known.read, now)
}

/**
 * The answer of the database; while it is silent what it said last, for the lease. That counts from when it was last known
 * to be so, however often it is used; what nobody here remembers is not refused, it cannot be told (503).
 */
export async function askOrLease<Row, Answer>(
  app: App,
  place: Place<Row>,
  now: number,
  ask: () => Promise<Answer>,
): Promise<Answer | Row> {
  const { shelf, names, others } = place
  const noteSilence = () => {
    for (const name of names) shelf.noteSilence(name, now)
  }
  const known = recall(place)
  if (known && wasSilent(known, now) && isLeased(app, known, now)) return known.row
  // Once the database was silent, one call a second waits for it, and the others go on.
  if (known && (known.silentAt !== null || others === 'go on')) noteSilence()
  try {
    return await ask()
  } catch (cause) {
    const last = recall(place)
    if (!(cause instanceof DatabaseUnavailable) || !last || !isLeased(app, last, now)) throw cause
    noteSilence()
    return last.row
  }
}

function wasSilent<Row>({ silentAt }: Remembered<Row>, now: number): boolean {
  return silentAt !== null && now >= silentAt && now - silentAt < SILENT_MS
}

function isLeased<Row>({ feed, config }: App, { read }: Remembered<Row>, now: number): boolean {
  return feed.doubtedFor(read, now) < config.keyLeaseSeconds * 1000
}
