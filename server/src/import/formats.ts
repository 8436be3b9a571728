import { type Fields, isFields, tryParse } from './export-file.ts'
import { type FirebaseParameters, spellFirebase, spellHash, spellPbkdf2 } from './hash-spelling.ts'
import {
  type ForeignPassword,
  isTrue,
  joinNames,
  momentOf,
  type Newcomer,
  textOf,
} from './newcomer.ts'

/** What the export itself does not say. */
export interface Extras {
  readonly firebase: FirebaseParameters | null
  /** Hashes of better-auth, by person: they stand in a list of their own. */
  readonly passwords: ReadonlyMap<string, string>
  readonly now: number
}

/** Reads a row as a person; a text says why it is none. */
type Reader = (fields: Fields, extras: Extras) => Newcomer | string

const NONE = 'no password in the export'
const UNKNOWN = 'its hash is of a kind that is not known here'

/** The exports that can be read, in the order in which a file is held against them. */
export const formats = {
  auth0: readAuth0,
  firebase: readFirebase,
  supabase: readSupabase,
  clerk: readClerk,
  'better-auth': readBetterAuth,
  keycloak: readKeycloak,
  json: readOwn,
  csv: readOwn,
} as const satisfies Readonly<Record<string, Reader>>

export type FormatName = keyof typeof formats

/** The columns of Firebase's table, which has no line of names. */
export const firebaseColumns = [
  ...['localId', 'email', 'emailVerified', 'passwordHash', 'salt', 'displayName', 'photoUrl'],
  ...Array.from({ length: 16 }, (_, index) => `provider${index}`),
  ...['createdAt', 'lastLoginAt', 'phoneNumber', 'disabled', 'customAttributes', 'end'],
]

function readAuth0(fields: Fields): Newcomer {
  const identifiers = Array.isArray(fields.identifiers) ? fields.identifiers.filter(isFields) : []
  const email = identifiers.find(({ type }) => type === 'email') ?? {}
  return {
    ...common(fields),
    address: textOf(fields, 'email') ?? textOf(email, 'value') ?? '',
    userName: textOf(fields, 'username'),
    fullName:
      textOf(fields, 'name') ??
      joinNames(textOf(fields, 'given_name'), textOf(fields, 'family_name')),
    isProven: isTrue(fields, 'email_verified') || isTrue(email, 'verified'),
    isDisabled: isTrue(fields, 'blocked'),
    password: spelt(textOf(fields, 'passwordHash', 'passwordhash', 'password_hash')),
  }
}

function readFirebase(fields: Fields, { firebase }: Extras): Newcomer {
  const [hash, salt] = [textOf(fields, 'passwordHash'), textOf(fields, 'salt')]
  return {
    ...common(fields),
    fullName: textOf(fields, 'displayName'),
    isProven: isTrue(fields, 'emailVerified'),
    isDisabled: isTrue(fields, 'disabled'),
    createdAt: momentOf(fields, 'createdAt'),
    password: hash
      ? orUnreadable(firebase && spellFirebase(firebase, salt ?? '', hash))
      : { without: NONE },
  }
}

function readSupabase(fields: Fields, { now }: Extras): Newcomer | string {
  if (textOf(fields, 'deleted_at')) return 'was deleted there'
  const { raw_user_meta_data: kept } = fields
  const about = typeof kept === 'string' ? tryParse(kept) : kept
  const bannedUntil = momentOf(fields, 'banned_until')
  return {
    ...common(fields),
    fullName: isFields(about) ? textOf(about, 'full_name', 'name') : null,
    isProven: textOf(fields, 'email_confirmed_at', 'confirmed_at') !== null,
    isDisabled: bannedUntil !== null && bannedUntil > now,
    password: spelt(textOf(fields, 'encrypted_password')),
  }
}

function readClerk(fields: Fields): Newcomer {
  const addresses = listOf(fields.email_addresses)
  const address = textOf(fields, 'primary_email_address') ?? addresses[0] ?? ''
  return {
    ...common(fields),
    address,
    userName: textOf(fields, 'username'),
    fullName: joinNames(textOf(fields, 'first_name'), textOf(fields, 'last_name')),
    isProven: listOf(fields.verified_email_addresses).includes(address),
    isDisabled: isTrue(fields, 'banned') || isTrue(fields, 'locked'),
    password: spelt(textOf(fields, 'password_digest'), textOf(fields, 'password_hasher') ?? ''),
  }
}

function readBetterAuth(fields: Fields, { passwords }: Extras): Newcomer {
  const joined = textOf(fields, 'password') ?? passwords.get(textOf(fields, 'id') ?? '') ?? null
  return {
    ...common(fields),
    userName: textOf(fields, 'username'),
    fullName: textOf(fields, 'name'),
    isProven: isTrue(fields, 'emailVerified', 'emailverified', 'email_verified'),
    isDisabled: isTrue(fields, 'banned'),
    createdAt: momentOf(fields, 'createdAt', 'createdat', 'created_at'),
    password: spelt(joined),
  }
}

function readKeycloak(fields: Fields): Newcomer | string {
  if (textOf(fields, 'serviceAccountClientId')) return 'is a service account'
  const credentials = Array.isArray(fields.credentials) ? fields.credentials.filter(isFields) : []
  const password = credentials.find(({ type }) => type === 'password')
  return {
    ...common(fields),
    userName: textOf(fields, 'username'),
    fullName: joinNames(textOf(fields, 'firstName'), textOf(fields, 'lastName')),
    isProven: isTrue(fields, 'emailVerified'),
    isDisabled: fields.enabled === false,
    createdAt: momentOf(fields, 'createdTimestamp'),
    password: password ? orUnreadable(spellKeycloak(password)) : { without: NONE },
  }
}

/** Our own table: `email`, and whatever else is known. */
function readOwn(fields: Fields): Newcomer {
  return {
    ...common(fields),
    userName: textOf(fields, 'username', 'user_name'),
    fullName: textOf(fields, 'full_name', 'name'),
    isProven: isTrue(fields, 'email_verified'),
    isDisabled: isTrue(fields, 'disabled') || textOf(fields, 'disabled_at') !== null,
    password: spelt(textOf(fields, 'password_hash'), textOf(fields, 'password_hasher') ?? ''),
  }
}

function common(fields: Fields) {
  return {
    address: textOf(fields, 'email', 'address') ?? '',
    userName: null,
    createdAt: momentOf(fields, 'created_at'),
  }
}

function spelt(text: string | null, hasher = ''): ForeignPassword {
  return text === null ? { without: NONE } : orUnreadable(spellHash(text, hasher))
}

function orUnreadable(hash: string | null): ForeignPassword {
  return hash === null ? { unreadable: UNKNOWN } : { hash }
}

/** Its two halves are JSON in text; before version 8 they were values of their own. */
function spellKeycloak(credential: Fields): string | null {
  const half = (name: string) => {
    const value = tryParse(textOf(credential, name) ?? '')
    return isFields(value) ? value : credential
  }
  const [about, secret] = [half('credentialData'), half('secretData')]
  const algorithm = textOf(about, 'algorithm') ?? ''
  const rounds = Number(textOf(about, 'hashIterations'))
  const salt = textOf(secret, 'salt') ?? ''
  const key = textOf(secret, 'value', 'hashedSaltedValue') ?? ''
  if (algorithm === 'argon2') return spellArgon2(about, { rounds, salt, key })
  const digests: Readonly<Record<string, string>> = {
    pbkdf2: 'sha1',
    'pbkdf2-sha256': 'sha256',
    'pbkdf2-sha512': 'sha512',
  }
  const digest = digests[algorithm]
  return digest ? spellPbkdf2(digest, rounds, salt, key) : spellHash(key)
}

function spellArgon2(
  { additionalParameters: more }: Fields,
  { rounds, salt, key }: { rounds: number; salt: string; key: string },
): string | null {
  const first = (name: string) => {
    const value = isFields(more) ? more[name] : null
    return String(Array.isArray(value) ? value[0] : value)
  }
  const version = { '1.0': 16, '1.3': 19 }[first('version')]
  const cost = `m=${first('memory')},t=${rounds},p=${first('parallelism')}`
  return version ? spellHash(`$argon2${first('type')}$v=${version}$${cost}$${salt}$${key}`) : null
}

/** A list, or a text with marks between. */
function listOf(value: unknown): string[] {
  const parts = Array.isArray(value) ? value.map(String) : String(value ?? '').split(/[|,;\s]+/)
  return parts.filter(Boolean)
}
