import { hash } from 'node:crypto'
import type { AuditRow, AuditStore, SealedLink } from '../store/audit.ts'

const MOST_AT_ONCE = 500
/** So many in one turn of the loop and in one transaction: whoever calls, or writes, waits for a millisecond and not for ten. */
const BITE = 100
/** The seals of today cover a digest of what is personal; those of before (null) the words themselves. */
const BY_DIGEST = 2

/**
 * Links events to their chain (security rule 25): each seal is a hash over the seal before it and the event,
 * so an event that is changed or taken out breaks every later seal. Positions are unique: of two processes
 * that seal at once, one wins and the other starts again. The number of events sealed.
 */
export async function sealEvents(audit: AuditStore): Promise<number> {
  // In this order: what another process seals in between takes the positions that follow. Were its end read for ours, the
  // events that both of them chose would leave a gap.
  const last = await audit.findLastSealed()
  const rows = await audit.listUnsealed(MOST_AT_ONCE)
  let end: ChainEnd = { position: last?.position ?? 0, seal: last?.seal ?? '' }
  let sealed = 0
  for (let start = 0; start < rows.length; start += BITE) {
    const links = linksBehind(end, rows.slice(start, start + BITE))
    const fixed = await audit.seal(links)
    sealed += fixed.length
    // What comes next hangs on all of these: without one of them it would stand behind a gap.
    if (fixed.length < links.length) break
    end = links.at(-1) ?? end
  }
  return sealed
}

type ChainEnd = Pick<SealedLink, 'position' | 'seal'>

function linksBehind(end: ChainEnd, rows: readonly AuditRow[]): SealedLink[] {
  let { position, seal } = end
  return rows.map((row) => {
    position += 1
    const sealedAs = row.digest === null ? null : BY_DIGEST
    seal = sealOf({ ...row, sealed_as: sealedAs }, position, seal)
    return { id: row.id, position, seal, sealedAs }
  })
}

/** The position of the first event that does not fit its chain, or null. */
export async function findBrokenSeal(audit: AuditStore): Promise<number | null> {
  const isGone = remembering(audit)
  let after = 0
  let seal: string | null = null
  let kind: AuditRow['sealed_as'] = null
  for (;;) {
    const rows = await audit.listSealed(after, MOST_AT_ONCE)
    if (rows.length === 0) return null
    for (const row of rows) {
      const position = row.position ?? 0
      // The oldest events go after AUDIT_DAYS: the first one that is left is taken as it stands.
      const isFirst = seal === null && position > 1
      const follows = seal === null || position === after + 1
      const fits = isFirst || row.seal === sealOf(row, position, seal ?? '')
      kind ??= row.sealed_as
      if (!follows || !(await isWhole(row, fits, kind, isGone))) return position
      seal = row.seal
      after = position
    }
  }
}

/** What stands for the place and program of an event: without the salt it tells nothing, and proves nothing. */
export function personalDigest(salt: string, source: string | null, agent: string | null): string {
  return hash('sha256', JSON.stringify([salt, source, agent]), 'base64url')
}

/**
 * Whether an event says what was sealed. One without place, program and salt was erased: that is believed only of
 * somebody whose deletion stands in the trail. Of a seal from before, what was erased is part: it is taken as it stands,
 * as long as no newer seal (`kind`) came earlier in the chain. After one, whoever says "sealed before" rewrites.
 */
async function isWhole(
  row: AuditRow,
  fits: boolean,
  kind: AuditRow['sealed_as'],
  isGone: (row: AuditRow) => Promise<boolean>,
): Promise<boolean> {
  const { source, agent, salt, digest, sealed_as } = row
  const isBare = source === null && agent === null && salt === null
  if (sealed_as === null) return fits || (kind === null && isBare && isGone(row))
  if (!fits) return false
  if (salt !== null) return digest === personalDigest(salt, source, agent)
  return isBare && isGone(row)
}

/** Asks once for each person. */
function remembering(audit: AuditStore): (row: AuditRow) => Promise<boolean> {
  const known = new Map<string, Promise<boolean>>()
  return async ({ user_id, subject_id, actor }) => {
    for (const id of [user_id, subject_id, actor]) {
      if (!id?.startsWith('usr_')) continue
      const gone = known.get(id) ?? audit.isDeleted(id)
      known.set(id, gone)
      if (await gone) return true
    }
    return false
  }
}

function sealOf(row: AuditRow, position: number, before: string): string {
  const { id, happened_at, event, outcome, reason, user_id, subject_id, source, agent } = row
  const personal = row.sealed_as === null ? [source, agent] : [row.digest]
  const told = [id, happened_at, event, outcome, reason, user_id, subject_id, ...personal]
  // Sealed only where there is one, so that the seals of older rows stay what they were.
  if (row.actor !== null) told.push(row.actor)
  return hash('sha256', JSON.stringify([before, position, ...told]), 'base64url')
}
