import { type Static, Type } from 'typebox'
import type { App } from '../context.ts'
import type { ChallengeRow } from '../store/challenges.ts'
import type { NewPasskey, PasskeyRow } from '../store/passkeys.ts'
import type { UserRow } from '../store/users.ts'
import { strict } from '../wire/body.ts'
import { Moment, moment, momentOrNull, OrNull } from '../wire/reply.ts'
import { keyedHash } from './keyring.ts'
import { baseAddress } from './link.ts'
import { randomBytes, randomId } from './random.ts'

/** Read when the first passkey is met: without any, a start is half a second shorter. */
const library = () => import('@simplewebauthn/server')

const ENROLMENT_MS = 5 * 60_000

const Base64Url = Type.String({ pattern: '^[A-Za-z0-9_-]+$', maxLength: 8192 })
const CredentialId = Type.String({ pattern: '^[A-Za-z0-9_-]+$', maxLength: 1364 })

const credential = {
  id: CredentialId,
  rawId: CredentialId,
  type: Type.Literal('public-key'),
  clientExtensionResults: Type.Object({}),
  authenticatorAttachment: Type.Optional(
    Type.Union([Type.Literal('platform'), Type.Literal('cross-platform')]),
  ),
}

/** What `navigator.credentials.get` answers, by its `toJSON`. */
export const AssertionBody = Type.Object(
  {
    ...credential,
    response: Type.Object(
      {
        clientDataJSON: Base64Url,
        authenticatorData: Base64Url,
        signature: Base64Url,
        userHandle: Type.Optional(Base64Url),
      },
      strict,
    ),
  },
  strict,
)
export type Assertion = Static<typeof AssertionBody>

/** What `navigator.credentials.create` answers, by its `toJSON`. The fields that repeat others are not read. */
export const AttestationBody = Type.Object(
  {
    ...credential,
    response: Type.Object(
      {
        clientDataJSON: Base64Url,
        attestationObject: Base64Url,
        authenticatorData: Type.Optional(Base64Url),
        publicKey: Type.Optional(Base64Url),
        publicKeyAlgorithm: Type.Optional(Type.Integer()),
        transports: Type.Optional(
          Type.Array(Type.String({ pattern: '^[a-z-]{1,32}$' }), { maxItems: 10 }),
        ),
      },
      strict,
    ),
  },
  strict,
)
export type Attestation = Static<typeof AttestationBody>

/** Given to `PublicKeyCredential.parseRequestOptionsFromJSON` as they are. */
export const AssertionOptions = Type.Object({}, { additionalProperties: true })
/** Given to `PublicKeyCredential.parseCreationOptionsFromJSON` as they are. */
export const CreationOptions = Type.Object({}, { additionalProperties: true })

export const PasskeyAnswer = Type.Object({
  id: Type.String(),
  name: Type.String(),
  created_at: Moment,
  last_used_at: OrNull(Moment),
})

export function describePasskey(row: PasskeyRow): Static<typeof PasskeyAnswer> {
  return {
    id: row.id,
    name: row.name,
    created_at: moment(row.created_at),
    last_used_at: momentOrNull(row.last_used_at),
  }
}

/** What a person's passkeys are to sign at this sign-in; null without any. */
export async function assertionOptions(app: App, challenge: ChallengeRow, userId: string) {
  const rows = await app.store.passkeys.list(userId)
  const bytes = signInChallenge(app, challenge)
  if (!rows.length || !bytes) return null
  const { generateAuthenticationOptions } = await library()
  return generateAuthenticationOptions({
    rpID: siteOf(app).id,
    challenge: bytes,
    allowCredentials: rows.map(known),
    userVerification: 'required',
  })
}

/** The counter that a right assertion carries; null when it is not one of this passkey for this sign-in. */
export async function provenCounter(
  app: App,
  challenge: ChallengeRow,
  row: PasskeyRow,
  assertion: Assertion,
): Promise<number | null> {
  const bytes = signInChallenge(app, challenge)
  if (!bytes) return null
  const { id, origin } = siteOf(app)
  const { verifyAuthenticationResponse } = await library()
  try {
    const { verified, authenticationInfo } = await verifyAuthenticationResponse({
      response: assertion,
      expectedChallenge: bytes.toString('base64url'),
      expectedOrigin: origin,
      expectedRPID: id,
      requireUserVerification: true,
      credential: {
        id: row.credential_id,
        publicKey: new Uint8Array(Buffer.from(row.public_key, 'base64url')),
        counter: row.counter,
      },
    })
    return verified ? authenticationInfo.newCounter : null
  } catch {
    // The library throws where something does not fit; to the caller a wrong proof is a wrong proof.
    return null
  }
}

/** Opens an enrolment: what a new passkey is to sign, within five minutes. */
export async function openEnrolment(app: App, user: UserRow, now: number) {
  const challenge = randomBytes(32)
  const [hash = ''] = enrolmentHashes(app, user.id, challenge.toString('base64url'))
  await app.store.passkeys.openEnrolment(user.id, hash, now + ENROLMENT_MS)
  const { generateRegistrationOptions } = await library()
  return generateRegistrationOptions({
    rpName: 'Freddy',
    rpID: siteOf(app).id,
    userName: user.address,
    userID: new Uint8Array(Buffer.from(user.id)),
    challenge: new Uint8Array(challenge),
    attestationType: 'none',
    excludeCredentials: (await app.store.passkeys.list(user.id)).map(known),
    authenticatorSelection: { residentKey: 'preferred', userVerification: 'required' },
  })
}

/** The passkey that a right answer carries, and the hashes of the challenge that it signed; else null. */
export async function readPasskey(
  app: App,
  about: { userId: string; name: string; now: number },
  answer: Attestation,
): Promise<{ passkey: NewPasskey; challengeHashes: readonly string[] } | null> {
  if (!(await isPlain(answer))) return null
  const { verifyRegistrationResponse } = await library()
  const { id, origin } = siteOf(app)
  let signed = ''
  const { verified, registrationInfo } = await verifyRegistrationResponse({
    response: { ...answer, response: withoutRepeats(answer) },
    // Which challenge is open, the statement that uses it up decides.
    expectedChallenge: (challenge) => {
      signed = challenge
      return true
    },
    expectedOrigin: origin,
    expectedRPID: id,
    requireUserVerification: true,
  }).catch(() => ({ verified: false, registrationInfo: undefined }) as const)
  if (!verified || !registrationInfo) return null
  const { credential: made } = registrationInfo
  const passkey = {
    id: randomId('pkey_'),
    user_id: about.userId,
    credential_id: made.id,
    public_key: Buffer.from(made.publicKey).toString('base64url'),
    counter: made.counter,
    transports: (answer.response.transports ?? []).join(' '),
    name: about.name,
    created_at: about.now,
  }
  return { passkey, challengeHashes: enrolmentHashes(app, about.userId, signed) }
}

/** Derived from the login's challenge, so that it lives and ends with it and nothing more is stored. */
function signInChallenge(app: App, { id, keys_id }: ChallengeRow) {
  const keys = app.keyring.find(keys_id)
  return keys ? Buffer.from(keyedHash(keys.of.passkey, 'sign-in', id), 'base64url') : null
}

function enrolmentHashes(app: App, userId: string, challenge: string): string[] {
  return app.keyring.all.map((keys) => keyedHash(keys.of.passkey, 'enrolment', userId, challenge))
}

/**
 * Certificates were not asked for. One that came all the same is not followed to wherever it says that its list of
 * revoked ones lies.
 */
async function isPlain({ response }: Attestation): Promise<boolean> {
  const { decodeAttestationObject } = await import('@simplewebauthn/server/helpers')
  try {
    const object = decodeAttestationObject(
      new Uint8Array(Buffer.from(response.attestationObject, 'base64url')),
    )
    const format = object.get('fmt')
    return format === 'none' || (format === 'packed' && !object.get('attStmt').get('x5c'))
  } catch {
    return false
  }
}

function withoutRepeats({ response }: Attestation) {
  const { clientDataJSON, attestationObject } = response
  return { clientDataJSON, attestationObject }
}

/** The site that a passkey belongs to: the name of PUBLIC_URL, else this machine. */
function siteOf(app: App): { id: string; origin: string } {
  const url = new URL(baseAddress(app))
  return { id: url.hostname, origin: url.origin }
}

function known(row: PasskeyRow) {
  return { id: row.credential_id, transports: row.transports.split(' ').filter(Boolean) }
}
