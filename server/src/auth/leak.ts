import type { App, Call } from '../context.ts'
import type { LetterFacts } from '../mail/letters.ts'
import type { ApiKeyRow } from '../store/api-keys.ts'
import type { NewLetter } from '../store/outbox.ts'
import type { UsageSum } from '../store/usage.ts'
import { apiKeyHashes, forgetApiKey, isApiKey } from './api-key.ts'
import { allowed } from './audit.ts'
import { programName } from './device-name.ts'
import { formerEnd } from './former-secret.ts'
import { hasEnded } from './key-life.ts'
import { ownerLetter } from './notice.ts'

const DAY = 86_400_000
/** A finding older than that is looked at from there on. */
const LONGEST_LOOK_MS = 90 * DAY
/** Who does not say when a key was found is taken to have found it within the day. */
const STANDARD_LOOK_MS = DAY
const MOST_PLACE = 200
const MOST_MODELS = 10
const MOST_MODEL_NAME = 64

/** A key that somebody found, as they tell of it. */
export interface Leak {
  readonly key: string
  readonly url?: string
  /** Milliseconds; null where they do not say. */
  readonly foundAt: number | null
}

/**
 * Ends a key for whoever holds it, and writes to its owner. Nothing tells the caller whether there was such a key:
 * a key that opens nothing ends nothing either, the secret that a rotation has outlived least of all.
 */
export async function endLeaked(call: Call, leak: Leak): Promise<void> {
  const { app, now } = call
  const row = await findOpening(app, leak.key, now)
  if (!row) return
  const event = allowed(call, 'key.leaked', { userId: row.user_id, subjectId: row.id })
  const letters = await lettersOf(call, row, leak)
  const ended = await app.store.apiKeys.revoke(row.id, row.user_id, event, letters)
  forgetApiKey(app, row.id)
  if (ended) app.outbox.poke()
}

/** The key that this text opens, or would if nobody had paused it. */
async function findOpening(app: App, text: string, now: number): Promise<ApiKeyRow | null> {
  if (!isApiKey(text)) return null
  const hashes = apiKeyHashes(app.keyring, text)
  const row = await app.store.apiKeys.findByHash(hashes)
  if (!row || hasEnded(row, now)) return null
  const isFormer = row.former_hash !== null && hashes.includes(row.former_hash)
  return isFormer && now >= formerEnd(row) ? null : row
}

/** One letter to the owner, unless the account is shut. */
async function lettersOf(call: Call, row: ApiKeyRow, leak: Leak): Promise<NewLetter[]> {
  const { app, now } = call
  const owner = row.disabled_at === null ? await app.store.users.find(row.user_id) : null
  if (!owner) return []
  const since = Math.min(
    Math.max(leak.foundAt ?? now - STANDARD_LOOK_MS, now - LONGEST_LOOK_MS),
    now,
  )
  const letter = ownerLetter(call, owner.address, 'key-leaked', {
    key: `${row.name} (${row.prefix}…${row.last4})`,
    place: leak.url ? tamed(leak.url) : '',
    since,
    ...sayDeeds(await deedsSince(app, row, since, now)),
    ...(await lastUse(app, row)),
  })
  return [{ ...letter, userId: owner.id }]
}

/** What waits to be written belongs to it too. */
async function deedsSince(app: App, row: ApiKeyRow, since: number, now: number) {
  await app.usage.flush()
  const caller = { userId: row.user_id, keyId: row.id }
  return app.store.usage.listSums(caller, 'model', since, now + 1)
}

async function lastUse(app: App, { id, user_id }: ApiKeyRow) {
  await app.keyUses.flush()
  const row = await app.store.apiKeys.find(id, user_id)
  return {
    usedAt: row?.last_used_at ?? null,
    address: row?.last_used_source ?? '',
    agent: programName(row?.last_used_agent ?? ''),
  }
}

function sayDeeds(sums: readonly UsageSum[]): Pick<LetterFacts, 'calls' | 'models' | 'tokens'> {
  const most = sums.toSorted((one, other) => other.calls - one.calls).slice(0, MOST_MODELS)
  const models = most.map((one) => `${sayModel(one.name ?? '')} (${one.calls})`)
  const more = sums.length > most.length ? ', …' : ''
  return {
    calls: sums.reduce((sum, one) => sum + one.calls, 0),
    models: `${models.join(', ')}${more}`,
    tokens: sums.reduce((sum, one) => sum + one.input_tokens + one.output_tokens, 0),
  }
}

/** Whoever has the key chose it: no sentence, and dots before letters are those of an address. */
function sayModel(name: string): string {
  const word = name.replace(/[^\w.:/@+*-]+/g, '-').replace(/\.(?=[a-z])/gi, '[.]')
  return word.slice(0, MOST_MODEL_NAME)
}

/** A stranger's address goes into a mail of ours: cut, without controls, and so that no mail program makes a link of it. */
function tamed(url: string): string {
  const clean = [...url.toWellFormed()].filter((character) => !UNCLEAN.test(character))
  const cut = clean.length > MOST_PLACE ? `${clean.slice(0, MOST_PLACE).join('')}…` : clean.join('')
  return cut.replaceAll('.', '[.]').replaceAll('://', '[:]//')
}

/** Controls, breaks, and what is not seen or turns the writing. */
const UNCLEAN = /[\p{Cc}\p{Default_Ignorable_Code_Point}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u
