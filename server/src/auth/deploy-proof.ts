import { type Keyring, keyedHash, sameText } from './keyring.ts'
import { randomBytes } from './random.ts'

const LIFE_MS = 60_000

/** What whoever has the secret asks with: a moment, a nonce, and the proof of both. Of use for a minute. */
export function makeQuestion(keyring: Keyring, now: number): string {
  const nonce = randomBytes(16).toString('base64url')
  return `${now}.${nonce}.${proofOf(keyring, 'question', `${now}.${nonce}`)}`
}

export function isQuestion(keyring: Keyring, text: string, now: number): boolean {
  const [, asked = '', moment = '', proof = ''] =
    /^((\d{13})\.[A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{43})$/.exec(text) ?? []
  const isFresh = Math.abs(now - Number(moment)) < LIFE_MS
  return isFresh && sameText(proof, proofOf(keyring, 'question', asked))
}

/** Shows that the answer was given by a server with the same secret, to this very question. */
export function answerTo(keyring: Keyring, question: string): string {
  return proofOf(keyring, 'answer', question)
}

function proofOf(keyring: Keyring, ...parts: readonly string[]): string {
  return keyedHash(keyring.current.of['deploy-check'], ...parts)
}
