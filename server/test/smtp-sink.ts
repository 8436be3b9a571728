import { SMTPServer, type SMTPServerSession } from 'smtp-server'

export interface SunkMail {
  readonly envelope: { readonly from: string; readonly to: readonly string[] }
  readonly raw: string
  readonly headers: ReadonlyMap<string, string>
  readonly subject: string
  readonly messageId: string
}

/** How the server behaves from now on. */
export interface Behaviour {
  /** Answers so many recipients with 451 first. */
  delays?: number
  /** Answers every recipient with 550. */
  refuses?: boolean
  /** With which code it refuses; 550 unless said otherwise. */
  refusal?: number
  /** Takes so many mails and answers 451 then. */
  postpones?: number
  /** Says nothing to these recipients until it is let go. */
  hangsFor?: string
  letGo?: Promise<void>
  /** What it says when it refuses. */
  says?: string
  /** Milliseconds before each answer to a recipient. */
  slowMs?: number
  /** Takes so many mails and cuts the line before its 250. */
  drops?: number
}

/** A real mail server on a free port of this machine that keeps what it takes. */
export interface SmtpSink {
  readonly url: string
  readonly mails: readonly SunkMail[]
  /** Message-IDs of all that came through its door, kept or not. */
  readonly heard: readonly string[]
  /** Recipients that were named to it, oldest first. */
  readonly asked: readonly string[]
  readonly behaviour: Behaviour
  codeFor(address: string): string | undefined
  /** All codes that an address got, oldest first. */
  codesFor(address: string): string[]
  close(): Promise<void>
}

export async function startSmtpSink(behaviour: Behaviour = {}, at = 0): Promise<SmtpSink> {
  const mails: SunkMail[] = []
  const heard: string[] = []
  const asked: string[] = []
  const server = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS', 'AUTH'],
    logger: false,
    onRcptTo({ address }, _session, answer) {
      asked.push(address)
      const say = () => {
        if (behaviour.refuses)
          return answer(
            reply(
              behaviour.refusal ?? 550,
              behaviour.says ?? 'nobody of that name at host.internal',
            ),
          )
        if ((behaviour.delays ?? 0) > 0) {
          behaviour.delays = (behaviour.delays ?? 0) - 1
          return answer(reply(451, 'come back later'))
        }
        return answer()
      }
      if (behaviour.hangsFor === address) void behaviour.letGo?.then(say)
      else if (behaviour.slowMs) setTimeout(say, behaviour.slowMs)
      else say()
    },
    onData(stream, session, answer) {
      const chunks: Buffer[] = []
      stream.on('data', (chunk: Buffer) => chunks.push(chunk))
      stream.on('end', () => {
        const mail = read(Buffer.concat(chunks).toString('utf8'), session)
        heard.push(mail.messageId)
        if ((behaviour.postpones ?? 0) > 0) {
          behaviour.postpones = (behaviour.postpones ?? 0) - 1
          return answer(reply(451, 'come back later'))
        }
        mails.push(mail)
        if ((behaviour.drops ?? 0) > 0) {
          behaviour.drops = (behaviour.drops ?? 0) - 1
          for (const connection of server.connections as Set<{
            close(): void
            _socket?: { destroy(): void }
          }>) {
            connection._socket?.destroy()
          }
          return
        }
        answer()
      })
    },
  })
  server.on('error', () => {})
  await new Promise<void>((resolve) => server.listen(at, '127.0.0.1', resolve))
  const codesFor = (to: string) =>
    mails
      .filter(({ envelope, subject }) => envelope.to.includes(to) && /^\d{4,8} /.test(subject))
      .map(({ subject }) => subject.split(' ')[0] ?? '')
  const address = server.server.address()
  const port = typeof address === 'object' && address ? address.port : 0
  return {
    url: `smtp://127.0.0.1:${port}`,
    mails,
    heard,
    asked,
    behaviour,
    codeFor: (to) => codesFor(to).at(-1),
    codesFor,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
}

function reply(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode })
}

function read(raw: string, session: SMTPServerSession): SunkMail {
  const head = raw.split('\r\n\r\n', 1)[0] ?? ''
  const lines = head.replace(/\r\n[ \t]+/g, ' ').split('\r\n')
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
    }),
  )
  const { mailFrom, rcptTo } = session.envelope
  return {
    envelope: { from: mailFrom ? mailFrom.address : '', to: rcptTo.map(({ address }) => address) },
    raw,
    headers,
    subject: headers.get('subject') ?? '',
    messageId: headers.get('message-id') ?? '',
  }
}
