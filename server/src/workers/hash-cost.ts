import { randomBytes } from 'node:crypto'

/** OWASP's second recommendation: 19 MiB, two passes, one lane. Never below. */
export const hashCost = { memoryCost: 19_456, timeCost: 2, parallelism: 1 } as const

/** The text of a hash that costs what all others do, and that no password proves: it was drawn, not made. */
export function hashOfNothing(): string {
  const { memoryCost, timeCost, parallelism } = hashCost
  const [salt, hash] = [16, 32].map((count) => randomBytes(count).toString('base64'))
  const parts = [salt, hash].map((part = '') => part.replace(/=+$/, ''))
  return `$argon2id$v=19$m=${memoryCost},t=${timeCost},p=${parallelism}$${parts.join('$')}`
}
