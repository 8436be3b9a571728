import { createHmac } from 'node:crypto'
import { randomBytes } from '../auth/random.ts'

const PREFIX = 'whsec_'
const SECRET_BYTES = 32

/** A secret in the form of Standard Webhooks: `whsec_` and base64. */
export function newSecret(): string {
  return PREFIX + randomBytes(SECRET_BYTES).toString('base64')
}

/** Who proves that a message is ours, and when it was sent. */
export interface Message {
  readonly id: string
  /** Seconds. */
  readonly timestamp: number
  readonly body: string
}

/** The headers of a message (standardwebhooks.com), with a signature by each secret that is good now. */
export function signedHeaders(message: Message, secrets: readonly string[]) {
  const { id, timestamp, body } = message
  const signatures = secrets.map((secret) => {
    const key = Buffer.from(secret.slice(PREFIX.length), 'base64')
    const mac = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`)
    return `v1,${mac.digest('base64')}`
  })
  return {
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': signatures.join(' '),
  }
}
