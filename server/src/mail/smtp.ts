import { createTransport } from 'nodemailer'
import { MailDelayed, type Mailer, MailRefused } from './mailer.ts'

const CONNECT_MS = 10_000
const SOCKET_MS = 30_000
const MOST_CONNECTIONS = 4

/** Mail by SMTP. The recipient is given as an address and in the envelope: no text of ours is ever read as a list. */
export function createSmtpMailer({ url, from }: { url: string; from: string }): Mailer {
  const transport = createTransport({
    url,
    pool: true,
    maxConnections: MOST_CONNECTIONS,
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    socketTimeout: SOCKET_MS,
    disableFileAccess: true,
    disableUrlAccess: true,
  } as Parameters<typeof createTransport>[0])
  const sender = addressOf(from)

  return {
    async send({ messageId, to, subject, text, html }) {
      try {
        await transport.sendMail({
          messageId,
          from: sender,
          to: { name: '', address: to },
          envelope: { from: sender.address, to: [to] },
          subject,
          text,
          html,
          headers: { 'Auto-Submitted': 'auto-generated' },
        })
      } catch (cause) {
        throw asMailError(cause)
      }
    },
    close: () => transport.close(),
  }
}

/** Connects, greets and signs in as for a letter, and sends none. */
export async function checkSmtp(url: string): Promise<void> {
  const transport = createTransport({
    url,
    connectionTimeout: CONNECT_MS,
    greetingTimeout: CONNECT_MS,
    socketTimeout: CONNECT_MS,
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
    const reason =
      code === 'EAUTH' ? 'our mail server refused us' : 'the mail server refused this address'
    return new MailRefused(reason, { cause })
  }
  const reason = responseCode
    ? 'the mail server asked us to try later'
    : 'the mail server does not answer'
  return new MailDelayed(reason, { cause })
}
