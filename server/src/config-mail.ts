import { knob, sender, smtp, some, twoLetters, whole } from './config-values.ts'

export interface MailConfig {
  readonly smtpUrl: string | null
  readonly mailFrom: string
  /** A folder of texts in the place of ours; null for none. */
  readonly mailTexts: string | null
  readonly mailLanguage: string
  readonly mailsPerMinute: number
}

/** How letters leave, what they say, and how many at once. */
export const mailKnobs = {
  SMTP_URL: knob(
    'smtp://user:pass@host:port',
    '',
    'The mail server; the terminal when empty.',
    smtp,
  ),
  MAIL_FROM: knob('an address', 'Freddy <freddy@localhost>', 'Who mails come from.', sender),
  MAIL_TEXTS: knob(
    'a folder',
    '',
    'Letters of your own in the place of ours (docs/mail.md); checked at the start.',
    some,
  ),
  MAIL_LANGUAGE: knob(
    'two letters',
    'en',
    'The language of letters to people who were not heard to have another: en, de, fr, or one that MAIL_TEXTS adds.',
    twoLetters,
  ),
  MAILS_PER_MINUTE: knob(
    '1 to 600',
    '120',
    'Letters a minute to addresses that nobody has proven, of all servers together; what is more waits its turn.',
    whole(1, 600),
  ),
}

/** Settings of this table as they are in force. */
export function arrangeMail(set: {
  readonly SMTP_URL: string | null
  readonly MAIL_FROM: string | null
  readonly MAIL_TEXTS: string | null
  readonly MAIL_LANGUAGE: string | null
  readonly MAILS_PER_MINUTE: number | null
}): MailConfig {
  return {
    smtpUrl: set.SMTP_URL,
    mailFrom: set.MAIL_FROM ?? 'freddy@localhost',
    mailTexts: set.MAIL_TEXTS,
    mailLanguage: set.MAIL_LANGUAGE ?? 'en',
    mailsPerMinute: set.MAILS_PER_MINUTE ?? 120,
  }
}
