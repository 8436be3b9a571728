import { createTransport } from 'nodemailer'
import { MailDelayed, type Mailer, MailRefused } from './mailer.ts'

/** How long a mail server may take for what. */
export interface MailTimes {
  readonly connectMs: number
  /** From one line of its to the next. */
  readonly lineMs: number
  /** For a letter as a whole: shorter than its lease, so that nobody else takes it up meanwhile. */
  readonly letterMs: number
}

export const mailTimes: MailTimes = { connectMs: 10_000, lineMs: 30_000, letterMs: 50_000 }
const MOST_CONNECTIONS = 4

/** Mail by SMTP. The recipient is given as an address and in the envelope: no text of ours is ever read as a list. */
export function createSmtpMailer({
  url,
  from,
  times = mailTimes,
}: {
  url: string
  from: string
  times?: MailTimes
}): Mailer {
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: MOST_CONNECTIONS,
    dnsTimeout: times.connectMs,
    connectionTimeout: times.connectMs,
    greetingTimeout: times.connectMs,
    socketTimeout: times.lineMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  } as Parameters<typeof createTransport>[0])
  const sender = addressOf(from)

  return {
    async send({ messageId, to, subject, text, html }) {
      const letter = {
        messageId,
        from: sender,
        to: { name: '', address: to },
        envelope: { from: sender.address, to: [to] },
        subject,
        text,
        html,
        headers: { 'Auto-Submitted': 'auto-generated' },
      }
      try {
        await within(times.letterMs, (signal) => transport.sendMail({ ...letter, signal }))
      } catch (cause) {
        throw asMailError(cause)
      }
    },
    close: () => transport.close(),
  }
}

/**
 * What takes longer loses its connection: one that is answered a drop at a time would never be free again, and after a few of them nothing would
 * leave. A letter that came through after all is repeated under the same Message-ID.
 */
async function within<T>(ms: number, send: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const over = new AbortController()
  const timer = setTimeout(() => over.abort(new Error('the letter took too long')), ms)
  try {
    return await send(over.signal)
  } finally {
    clearTimeout(timer)
  }
}

/** Connects, greets and signs in as for a letter, and sends none. */
export async function checkSmtp(url: string): Promise<void> {
  const transport = createTransport({
    url,
    connectionTimeout: mailTimes.connectMs,
    greetingTimeout: mailTimes.connectMs,
    socketTimeout: mailTimes.connectMs,
    disableFileAccess: true,
    disableUrlAccess: true,
  } as Parameters<typeof createTransport>[0])
  try {
    await transport.verify()
  } finally {
    transport.close()
  }
}

/** `Freddy <freddy@example.com>`, or the bare address. */
function addressOf(from: string): { name: string; address: string } {
  const [, name = '', address = from] = /^\s*(.*?)\s*<([^<>]+)>\s*$/.exec(from) ?? []
  return { name, address }
}

/** 5xx is for good, everything else may pass. The server's own words stay in the log. */
function asMailError(cause: unknown): Error {
  const { responseCode, code } = cause as { responseCode?: number; code?: string }
  if (responseCode !== undefined && responseCode >= 500) {
    const ofRecipient = code !== 'EAUTH'
    const reason = ofRecipient
      ? 'the mail server refused this address'
      : 'our mail server refused us'
    return new MailRefused(reason, { cause, ofRecipient })
  }
  const reason = responseCode
    ? 'the mail server asked us to try later'
    : 'the mail server does not answer'
  return new MailDelayed(reason, { cause })
}
