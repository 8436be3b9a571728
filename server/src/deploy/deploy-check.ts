import type { Operator } from '../app.ts'
import { answerTo, makeQuestion } from '../auth/deploy-proof.ts'
import type { App } from '../context.ts'
import { examine, type Finding } from '../doctor.ts'
import { isLoopback } from '../loopback.ts'
import { ask, type Heard } from './ask.ts'
import { judgeHsts, judgeRedirect, judgeTls } from './encryption.ts'
import { type Answer, bad, good, note } from './finding.ts'
import { type Calls, FORGED, judgeHeaders, judgeHops, type Seen } from './hops.ts'
import { judgeDkim, judgeDmarc, judgeSpf, type LookUp } from './mail-names.ts'

const MOST_CLOCK_MS = 5000

export interface Wish {
  readonly url: URL
  readonly dkimSelector: string | undefined
  readonly lookUp: LookUp
}

/** Calls the server by its public address, as a stranger would and as one who lies, and looks at what arrived; then all that `doctor` looks at. */
export async function checkDeployment(operator: Operator, wish: Wish): Promise<Finding[]> {
  const { app } = operator
  const reached = await reach(app, wish.url)
  const around = 'heard' in reached ? await lookAround(app, wish, reached) : [reached]
  const mail = app.config.smtpUrl ? await lookAtMail(app, wish) : []
  return [...around, ...mail, ...(await examine(operator))]
}

interface Reached {
  readonly heard: Heard
  readonly calls: Calls
  readonly serverNow: number
}

async function lookAround(app: App, { url }: Wish, reached: Reached): Promise<Finding[]> {
  const { heard, calls, serverNow } = reached
  return [
    named('reached', good(`${url.origin} is this server`)),
    named('public', judgeAddress(app, url)),
    named('hops', judgeHops(calls)),
    named('headers', judgeHeaders(calls)),
    named('tls', judgeTls(url, heard, app.now())),
    named('hsts', judgeHsts(url, heard)),
    named('redirect', await attempt(() => judgeRedirect(url))),
    named('time', judgeClock(app.now(), serverNow)),
    named('doors', await attempt(() => judgeDoors(url))),
  ]
}

/** Twice: as it is, and with addresses that we do not have. */
async function reach(app: App, url: URL): Promise<Reached | Finding> {
  const next = 'Point the name at the proxy, and the proxy at the server; PUBLIC_URL is the name'
  try {
    const first = await question(app, url)
    const second = await question(app, url, { 'x-forwarded-for': FORGED })
    if (!first || !second) {
      return named('reached', bad(`${url.origin} is another server, or has another secret`, next))
    }
    const { localPort, remotePort } = first.heard
    const calls = { plain: first.seen, forged: second.seen, localPort, remotePort }
    return { heard: first.heard, calls, serverNow: first.now }
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    return named('reached', bad(`${url.origin} does not answer (${code ?? message})`, next))
  }
}

/** Null when whoever answered does not know our secret. */
async function question(
  app: App,
  url: URL,
  more: Readonly<Record<string, string>> = {},
): Promise<{ heard: Heard; seen: Seen; now: number } | null> {
  const asked = makeQuestion(app.keyring, app.now())
  const heard = await ask(new URL('/deploy-check', url).href, {
    'freddy-deploy-check': asked,
    ...more,
  })
  const told = heard.status === 200 ? (JSON.parse(heard.text) as Told) : null
  if (told?.answer !== answerTo(app.keyring, asked)) return null
  const { peer, port, headers, believed, trusted_proxies: trusted, now } = told
  return { heard, seen: { peer, port, headers, believed, trusted }, now }
}

interface Told extends Omit<Seen, 'trusted'> {
  readonly answer: string
  readonly trusted_proxies: readonly string[]
  readonly now: number
}

function judgeAddress({ config }: App, url: URL): Answer {
  if (config.publicUrl && new URL(config.publicUrl).origin === url.origin) return good(url.origin)
  if (!config.publicUrl && isLoopback(url.hostname)) {
    return note('known to this machine only', 'Set PUBLIC_URL before others sign in')
  }
  const told = config.publicUrl ? `PUBLIC_URL is ${config.publicUrl}` : 'PUBLIC_URL is not set'
  return bad(`${told}: links in mails lead elsewhere`, `PUBLIC_URL=${url.origin}`)
}

function judgeClock(ours: number, theirs: number): Answer {
  const off = Math.abs(ours - theirs)
  if (off <= MOST_CLOCK_MS) return good('the server has the time of this machine')
  return bad(`the server is ${Math.round(off / 1000)} seconds apart`, 'Set both clocks by NTP')
}

/** What is for the machine itself is not to be seen from outside. */
async function judgeDoors(url: URL): Promise<Answer> {
  for (const path of ['/dev/inbox', '/metrics', '/deploy-check']) {
    const { status } = await ask(new URL(path, url).href)
    if (status === 200) return bad(`${path} can be seen from outside`, 'Close it at the proxy')
  }
  return good('nothing is open that is for this machine alone')
}

async function lookAtMail({ config }: App, { dkimSelector, lookUp }: Wish): Promise<Finding[]> {
  const domain = /@([^\s<>]+)>?$/.exec(config.mailFrom)?.[1] ?? 'localhost'
  return [
    named('spf', await attempt(() => judgeSpf(domain, lookUp))),
    named('dkim', await attempt(() => judgeDkim(domain, dkimSelector, lookUp))),
    named('dmarc', await attempt(() => judgeDmarc(domain, lookUp))),
  ]
}

const named = (check: string, answer: Answer): Finding => ({ check, ...answer })

async function attempt(look: () => Promise<Answer>): Promise<Answer> {
  try {
    return await look()
  } catch (cause) {
    return bad(
      cause instanceof Error ? cause.message : String(cause),
      'See the line, and try again',
    )
  }
}
