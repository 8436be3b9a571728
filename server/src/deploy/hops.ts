import { parseNetworks } from '../wire/network.ts'
import { type Answer, bad, good, note } from './finding.ts'

/** What the server saw of one request of ours. */
export interface Seen {
  readonly peer: { readonly address: string; readonly port: number }
  /** The port at which it was called. */
  readonly port: number
  readonly headers: Readonly<Record<string, string>>
  /** Whom it took for the caller. */
  readonly believed: string
  readonly trusted: readonly string[]
}

export interface Calls {
  /** As anybody calls. */
  readonly plain: Seen
  /** With `FORGED` in X-Forwarded-For. */
  readonly forged: Seen
  /** The ends of the plain call, here: a proxy has others. One of them alone may be the same by chance. */
  readonly localPort: number
  readonly remotePort: number
}

/** Addresses that nobody has (RFC 5737). */
export const FORGED = '203.0.113.254, 198.51.100.253'
const claims = FORGED.split(', ')

const REPLACE =
  'Let the proxy write X-Forwarded-For itself: in nginx proxy_set_header X-Forwarded-For $remote_addr'

/** Who stands between, and whether the server believes exactly them. */
export function judgeHops({ plain, forged, localPort, remotePort }: Calls): Answer {
  const { peer, trusted } = plain
  const chain = listOf(plain.headers['x-forwarded-for'])
  const isDirect = peer.port === localPort && plain.port === remotePort
  if (isDirect && chain.length === 0) return judgeDirect(forged)
  const arrived = listOf(forged.headers['x-forwarded-for'])
  if (arrived.join() === claims.join()) {
    return bad('a proxy passes on X-Forwarded-For as callers write it', REPLACE)
  }
  if (chain.length === 0) {
    return bad(
      `${peer.address} stands before the server and does not say who calls: everybody shares its limits`,
      REPLACE,
    )
  }
  const [caller = '', ...between] = chain
  const proxies = [...new Set([...between, peer.address])]
  const next = `TRUSTED_PROXIES=${proxies.join(',')}`
  const { hold } = parseNetworks(trusted)
  const stranger = proxies.find((address) => !hold(address))
  if (stranger) {
    return bad(`${stranger} is a proxy that is not believed: everybody shares its limits`, next)
  }
  if (claims.some(hold) || (hold(caller) && !proxies.includes(caller))) {
    return bad(`more is believed than the proxies, so callers may name any address`, next)
  }
  if (plain.believed !== caller) {
    return bad(`a call from ${caller} was taken for one from ${plain.believed}`, next)
  }
  return good(`${next}; this machine was seen as ${caller}`)
}

/** Nobody stands between: then nobody is to be believed either. */
function judgeDirect(forged: Seen): Answer {
  if (claims.includes(forged.believed)) {
    return bad('no proxy is there, and callers may name any address', 'TRUSTED_PROXIES= (empty)')
  }
  if (forged.trusted.length === 0) return good('none stands before the server')
  const told = `${forged.trusted.join(',')} is believed, and this call went past it`
  return note(told, 'Let nothing reach the server but its proxy')
}

/** Which headers were added on the way: we sent none of them. */
export function judgeHeaders({ plain }: Calls): Answer {
  const added = Object.entries(plain.headers).map(([name, value]) => `${name}: ${value}`)
  return good(added.length ? added.join('; ') : 'none added on the way')
}

function listOf(header: string | undefined): string[] {
  return (header ?? '')
    .split(',')
    .map((part) => part.trim())
    .filter(Boolean)
}
