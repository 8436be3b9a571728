import { setTimeout as wait } from 'node:timers/promises'
import type { AuditRow, AuditStore } from '../store/audit.ts'
import { DatabaseUnavailable } from '../store/database.ts'

const LOOK_EVERY_MS = 500
/** An event carries the moment at which its request came, and stands in the trail a little later. */
const LATE_MS = 20_000
const PAGE = 1000

/** Tells events as they come, each once, until the signal. A database that is away is asked again. */
export async function follow(
  audit: AuditStore,
  about: { readonly userId: string | null; readonly told: readonly AuditRow[] },
  tell: (row: AuditRow) => void,
  signal: AbortSignal,
): Promise<void> {
  const { userId, told } = about
  const seen = new Map<string, number>()
  let newest = told.at(-1)?.happened_at ?? 0
  const look = async (take: (row: AuditRow) => void) => {
    for await (const row of since(audit, userId, newest - LATE_MS)) {
      if (seen.has(row.id)) continue
      seen.set(row.id, row.happened_at)
      take(row)
    }
    for (const moment of seen.values()) newest = Math.max(newest, moment)
    for (const [id, moment] of seen) if (moment < newest - LATE_MS) seen.delete(id)
  }
  // What was there when the last lines were read is not told again.
  const until = told.at(-1)
  await look((row) => {
    if (until && !isBehind(row, until)) return
    tell(row)
  })
  while (!signal.aborted) {
    await wait(LOOK_EVERY_MS, undefined, { signal }).catch(() => {})
    if (!signal.aborted) await look(tell).catch(unlessAway)
  }
}

async function* since(
  audit: AuditStore,
  userId: string | null,
  moment: number,
): AsyncGenerator<AuditRow> {
  let page = { userId, since: moment, afterId: '', most: PAGE }
  for (;;) {
    const rows = await audit.listSince(page)
    yield* rows
    const last = rows.at(-1)
    if (!last || rows.length < PAGE) return
    page = { ...page, since: last.happened_at, afterId: last.id }
  }
}

function isBehind(row: AuditRow, other: AuditRow): boolean {
  if (row.happened_at !== other.happened_at) return row.happened_at > other.happened_at
  return row.id > other.id
}

function unlessAway(cause: unknown): void {
  if (!(cause instanceof DatabaseUnavailable)) throw cause
}
