import { isLoopback } from '../loopback.ts'
import { ask, type Heard } from './ask.ts'
import { type Answer, bad, good, note } from './finding.ts'

const DAY = 86_400_000
const MONTHS_SIX = 15_552_000

/** Certificates are checked by the call itself: one that did not hold would have ended it. */
export function judgeTls(base: URL, { certificateEnds }: Heard, now: number): Answer {
  if (base.protocol !== 'https:') {
    return isLoopback(base.hostname)
      ? note('none, on this machine', 'Put a proxy with TLS before it for others')
      : bad(
          `${base.origin} is not encrypted`,
          'Put a proxy with TLS before it: PUBLIC_URL=https://…',
        )
  }
  const days = Math.floor(((certificateEnds ?? now) - now) / DAY)
  const told = `the certificate is good for ${days} days`
  if (days < 3) return bad(told, 'Renew it now')
  return days < 14 ? note(told, 'See that it is renewed by itself') : good(told)
}

export function judgeHsts(base: URL, { headers }: Heard): Answer {
  if (base.protocol !== 'https:') return note('only of use with TLS', 'See the line above')
  const value = String(headers['strict-transport-security'] ?? '')
  const seconds = Number(/max-age=(\d+)/.exec(value)?.[1] ?? 0)
  if (seconds >= MONTHS_SIX) return good(value)
  const next = `PUBLIC_URL=${base.origin} sends it; see that the proxy lets it through`
  return bad(value ? `${value} is short` : 'browsers are not told to stay with https', next)
}

/** Who types the name alone arrives by http, and is to be led on. */
export async function judgeRedirect(base: URL): Promise<Answer> {
  if (base.protocol !== 'https:') return note('only of use with TLS', 'See the line above')
  const plain = `http://${base.hostname}/`
  const heard = await ask(plain).catch(() => null)
  if (!heard) return note(`${plain} does not answer`, `Let it lead to ${base.origin}`)
  const target = String(heard.headers.location ?? '')
  if (heard.status >= 301 && heard.status <= 308 && target.startsWith('https://')) {
    return good(`${plain} leads to https`)
  }
  return bad(`${plain} answers ${heard.status} without encryption`, `Let it lead to ${base.origin}`)
}
