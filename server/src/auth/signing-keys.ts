import type { AuditEvent } from '../store/audit.ts'
import type { SigningKeyRow, SigningKeyStore } from '../store/signing-keys.ts'
import { type Algorithm, type KeyPair, makeKeyPair, openKeyPair } from './key-pair.ts'
import type { Keyring } from './keyring.ts'
import { seal, unseal } from './seal.ts'

/** A former key verifies as long as a token of it may live, and an hour longer: others may sign with it for a moment. */
const FORMER_KEPT_MS = 25 * 3_600_000
/** Longer than anybody keeps an answer of `jwks.json`: by then the standby is known everywhere. */
const STANDBY_KNOWN_MS = 600_000

/** The key pairs of access tokens that others can verify; made and kept in the database, so that all servers share them. */
export interface SigningKeys {
  /** What signs access tokens; null while that is HS256. */
  readonly current: KeyPair | null
  /** What verifies them: the current one, the one that stands by, and the former ones. */
  readonly all: readonly KeyPair[]
  /** At the start: what another algorithm or a secret that is gone left behind retires. */
  begin(now: number): Promise<void>
  /** What the database has now; what is missing is made. */
  renew(now: number): Promise<void>
}

interface Parts {
  readonly store: SigningKeyStore
  readonly keyring: Keyring
  readonly algorithm: 'HS256' | Algorithm
}

export function createSigningKeys({ store, keyring, algorithm }: Parts): SigningKeys {
  const opened = new Map<string, KeyPair>()
  let current: KeyPair | null = null
  let all: readonly KeyPair[] = []

  const open = async (row: SigningKeyRow) => {
    const known = opened.get(row.id) ?? (await openRow(keyring, row))
    if (known) opened.set(row.id, known)
    return known
  }
  const read = async (now: number) => {
    const rows = await store.list(now - FORMER_KEPT_MS)
    const pairs = await Promise.all(rows.map(open))
    all = pairs.filter((pair) => pair !== null)
    for (const id of opened.keys()) if (!all.some((pair) => pair.id === id)) opened.delete(id)
    const inUse = rows.findIndex((row) => isCurrent(row, algorithm))
    // One that only a newer secret opens is left to those who have that: until the restart the one before it signs on.
    current = pairs[inUse] ?? current
    return rows
  }
  const renew = async (now: number) => {
    const rows = await read(now)
    if (algorithm === 'HS256') return
    const missing = [
      rows.some((row) => isCurrent(row, algorithm)) ? [] : [now],
      rows.some((row) => isStandby(row, algorithm)) ? [] : [null],
    ].flat()
    for (const since of missing) await store.create(await newRow(keyring, algorithm, now, since))
    if (missing.length) await read(now)
  }
  return {
    get current() {
      return current
    },
    get all() {
      return all
    },
    renew,
    async begin(now) {
      for (const row of await store.list(now)) {
        const isOver = row.alg !== algorithm || (await open(row)) === null
        if (isOver) await store.retire(row.id, now)
        else await sealAnew(store, keyring, row)
      }
      await renew(now)
    },
  }
}

export type Rotated = 'rotated' | 'no pair' | 'too young'

/** The standby signs from now on, and another stands by. Servers that run hear of it within a minute. */
export async function rotatePair(
  { store, keyring, algorithm }: Parts,
  event: AuditEvent,
): Promise<Rotated> {
  if (algorithm === 'HS256') return 'no pair'
  const now = event.happenedAt
  const rows = await store.list(now)
  const from = rows.find((row) => isCurrent(row, algorithm))?.id
  const to = rows.find((row) => isStandby(row, algorithm))?.id
  if (!from || !to) return 'no pair'
  const next = await newRow(keyring, algorithm, now, null)
  const knownSince = now - STANDBY_KNOWN_MS
  const told = { ...event, subjectId: to }
  return (await store.rotate({ from, to, next, knownSince }, told)) ? 'rotated' : 'too young'
}

const isCurrent = (row: SigningKeyRow, alg: string) =>
  row.alg === alg && row.current_since !== null && row.retired_at === null

const isStandby = (row: SigningKeyRow, alg: string) =>
  row.alg === alg && row.current_since === null && row.retired_at === null

async function newRow(
  keyring: Keyring,
  alg: Algorithm,
  now: number,
  since: number | null,
): Promise<SigningKeyRow> {
  const { id, secret } = await makeKeyPair(alg)
  const sealed = seal(keyring, secret, 'signing')
  return { id, alg, sealed, created_at: now, current_since: since, retired_at: null }
}

/** Null when no secret of ours opens it, or when what it holds is not what its row says. */
async function openRow(keyring: Keyring, row: SigningKeyRow): Promise<KeyPair | null> {
  const secret = unseal(keyring, row.sealed, 'signing')
  return secret === null ? null : openKeyPair(row, secret)
}

/** Under the newest secret, so that the one before it can be dropped. */
async function sealAnew(store: SigningKeyStore, keyring: Keyring, row: SigningKeyRow) {
  if (row.sealed.startsWith(`${keyring.current.id}.`)) return
  const secret = unseal(keyring, row.sealed, 'signing')
  if (secret) await store.reseal(row.id, row.sealed, seal(keyring, secret, 'signing'))
}
