import { createHash } from 'node:crypto'
import type { AuditRow, AuditStore } from '../store/audit.ts'

const MOST_AT_ONCE = 500

/**
 * Links events to their chain (security rule 25): each seal is a hash over the seal before it and the event,
 * so an event that is changed or taken out breaks every later seal. Positions are unique: of two processes
 * that seal at once, one wins and the other starts again. The number of events sealed.
 */
export async function sealEvents(audit: AuditStore): Promise<number> {
  const rows = await audit.listUnsealed(MOST_AT_ONCE)
  if (rows.length === 0) return 0
  const last = await audit.findLastSealed()
  let position = last?.position ?? 0
  let seal = last?.seal ?? ''
  const links = rows.map((row) => {
    position += 1
    seal = sealOf(row, position, seal)
    return { id: row.id, position, seal }
  })
  return (await audit.seal(links)) ? links.length : 0
}

/** The position of the first event that does not fit its chain, or null. */
export async function findBrokenSeal(audit: AuditStore): Promise<number | null> {
  let after = 0
  let seal: string | null = null
  for (;;) {
    const rows = await audit.listSealed(after, MOST_AT_ONCE)
    if (rows.length === 0) return null
    for (const row of rows) {
      const position = row.position ?? 0
      // The oldest events go after AUDIT_DAYS: the first one that is left is taken as it stands.
      const kept: string | null =
        seal === null && position > 1 ? row.seal : sealOf(row, position, seal ?? '')
      if (row.seal !== kept || (seal !== null && position !== after + 1)) return position
      seal = row.seal
      after = position
    }
  }
}

function sealOf(row: AuditRow, position: number, before: string): string {
  const { id, happened_at, event, outcome, reason, user_id, subject_id, source, agent } = row
  const told = [id, happened_at, event, outcome, reason, user_id, subject_id, source, agent]
  // Sealed only where there is one, so that the seals of older rows stay what they were.
  if (row.actor !== null) told.push(row.actor)
  return createHash('sha256')
    .update(JSON.stringify([before, position, ...told]))
    .digest('base64url')
}
