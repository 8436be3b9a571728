import { setTimeout as pause } from 'node:timers/promises'

const ROUNDS = 100
const PAUSE_MS = 200

/** Reads codes from a page that shows mails, newest first: `/dev/inbox?word=…` of a server without a mail server. */
export async function watchInbox(address: string): Promise<() => Promise<string>> {
  const before = codesIn(await pageAt(address)).length
  return async () => {
    for (let round = 0; round < ROUNDS; round++) {
      const codes = codesIn(await pageAt(address))
      const [newest] = codes
      if (newest && codes.length > before) return newest
      await pause(PAUSE_MS)
    }
    return ''
  }
}

const codesIn = (page: string): string[] =>
  [...page.matchAll(/\b(\d{4,8}) is your [^<]*<\/h2>/g)].map(([, code = '']) => code)

/** A word in the address is answered with a cookie and the way to the page. */
async function pageAt(address: string): Promise<string> {
  const first = await fetch(address, { redirect: 'manual' })
  const next = first.headers.get('location')
  if (!next) return first.text()
  const cookie = first.headers.getSetCookie().map((each) => each.split(';')[0])
  const page = await fetch(new URL(next, address), { headers: { cookie: cookie.join('; ') } })
  return page.text()
}
