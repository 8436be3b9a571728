import { type Answer, bad, good, note } from './finding.ts'

/** What names say in TXT records; throws when they say nothing. */
export type LookUp = (name: string) => Promise<string[][]>

/** Who may send mail as this domain (RFC 7208). */
export async function judgeSpf(domain: string, lookUp: LookUp): Promise<Answer> {
  const records = (await textsOf(domain, lookUp)).filter((text) => /^v=spf1( |$)/i.test(text))
  const [record = ''] = records
  const next = `A TXT record at ${domain}: v=spf1 include:<your mail server's> -all`
  if (records.length === 0) return bad(`${domain} names nobody who may send its mail`, next)
  if (records.length > 1)
    return bad(`${domain} has ${records.length} SPF records: none counts`, next)
  if (/[+ ]all\b/i.test(record.replace(/[-~?]all/gi, ''))) {
    return bad(`${domain} lets everybody send its mail`, next)
  }
  return good(record)
}

/** Whether mails carry a signature that the domain vouches for (RFC 6376); the selector is known to the mail server. */
export async function judgeDkim(
  domain: string,
  selector: string | undefined,
  lookUp: LookUp,
): Promise<Answer> {
  if (!selector) {
    return note(
      'cannot be looked up without its selector',
      '--dkim-selector, from your mail server',
    )
  }
  const name = `${selector}._domainkey.${domain}`
  const record = (await textsOf(name, lookUp)).find((text) => /\bp=[A-Za-z0-9+/]/.test(text))
  if (record) return good(`${name} holds a key`)
  return bad(`${name} holds no key`, 'Let your mail server sign, and publish its key there')
}

/** What receivers do with mail that neither of them proves (RFC 7489). */
export async function judgeDmarc(domain: string, lookUp: LookUp): Promise<Answer> {
  const name = `_dmarc.${domain}`
  const record = (await textsOf(name, lookUp)).find((text) => /^v=DMARC1/i.test(text))
  const next = `A TXT record at ${name}: v=DMARC1; p=quarantine; rua=mailto:postmaster@${domain}`
  if (!record) return bad(`${name} says nothing: large receivers refuse such mail`, next)
  if (/\bp=none\b/i.test(record)) return note(`${record}: forged mail is let through`, next)
  return good(record)
}

async function textsOf(name: string, lookUp: LookUp): Promise<string[]> {
  try {
    return (await lookUp(name)).map((parts) => parts.join(''))
  } catch (cause) {
    const { code } = cause as NodeJS.ErrnoException
    if (code === 'ENOTFOUND' || code === 'ENODATA') return []
    throw new Error(`${name} could not be looked up (${code ?? 'no answer'})`)
  }
}
