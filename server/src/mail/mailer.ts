/** A mail as it leaves: one recipient, and a text beside the HTML. */
export interface Mail {
  /** The same at each try of one letter, so that a mailbox can tell a repeat. */
  readonly messageId: string
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
}

export interface Mailer {
  /** Resolves once the next server has taken the mail; rejects with one of the two below. */
  send(mail: Mail): Promise<void>
  close(): void
}

/** The mail server will not take this mail, now or later. `reason` may be shown to who waits for it. */
export class MailRefused extends Error {
  override readonly name = 'MailRefused'
  readonly reason: string
  /** Whether it was about the recipient, and not about us. */
  readonly ofRecipient: boolean
  constructor(reason: string, options: ErrorOptions & { readonly ofRecipient: boolean }) {
    super(reason, options)
    this.reason = reason
    this.ofRecipient = options.ofRecipient
  }
}

/** Not now: worth another try. */
export class MailDelayed extends Error {
  override readonly name = 'MailDelayed'
  readonly reason: string
  constructor(reason: string, options?: ErrorOptions) {
    super(reason, options)
    this.reason = reason
  }
}
