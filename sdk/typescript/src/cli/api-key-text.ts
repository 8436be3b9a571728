import { crc32 } from 'node:zlib'

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const CHECK_CHARACTERS = 6

/** `ak_` and 38 letters and digits that stand alone; longer runs of them are something else. */
const shape = /(?<![0-9A-Za-z])ak_([0-9A-Za-z]{32})([0-9A-Za-z]{6})(?![0-9A-Za-z])/g
/** A key with what stands before and after it. */
export const LONGEST_MATCH = 43

export interface FoundKey {
  readonly at: number
  readonly prefix: string
  readonly last4: string
}

/** The API keys in a text. Their last six characters check the others, so what only looks like one is none. */
export function keysIn(text: string): FoundKey[] {
  return [...text.matchAll(shape)]
    .filter(([, secret = '', check]) => checkOf(secret) === check)
    .map(({ 0: key, index }) => ({ at: index, prefix: key.slice(0, 7), last4: key.slice(-4) }))
}

function checkOf(secret: string): string {
  let rest = crc32(secret)
  let text = ''
  for (let place = 0; place < CHECK_CHARACTERS; place++) {
    text = ALPHABET.charAt(rest % 62) + text
    rest = Math.floor(rest / 62)
  }
  return text
}
