import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { FreddyAuth } from '../freddy-auth.ts'
import { placesOf } from '../node/places.ts'
import { writePrivate } from '../node/private-file.ts'
import { systemStore } from '../node/system-store.ts'
import type { FreddyOptions } from '../options.ts'
import type { TokenStore, Tokens } from '../token-store.ts'
import { wait } from '../transport.ts'
import { type Common, WrongWords, waiting } from './shell.ts'
import { VERSION } from './version.ts'

const STANDARD = 'http://localhost:3000/v1'

/** This machine: nothing goes over a network. */
const local = /^(localhost|127(\.\d+){3}|\[::1\])(:|\/|$)/

const places = placesOf(process.platform, process.env)
const settings = join(places.config, 'config.json')

/** What a command works with: a server, a client, and where its tokens are. */
export interface Place {
  readonly server: string
  readonly auth: FreddyAuth
  readonly store: TokenStore & { readonly place: string }
  /** A session, or an API key in place of one, whatever the environment says. */
  readonly kept: Tokens | null
  /** The API key in use, if it is one; from the environment it comes before anything kept. */
  readonly apiKey: string | null
}

export async function openPlace(args: Common): Promise<Place> {
  const server = await serverOf(args)
  const store = await systemStore(server)
  const kept = await store.read()
  const apiKey = process.env.FREDDY_API_KEY || (isApiKey(kept?.token) ? kept.token : null)
  const auth = clientOf({ baseUrl: server, ...(apiKey ? { apiKey } : { store }) })
  return { server, auth, store, kept, apiKey }
}

/** As browsers call it, which is what servers look for. */
const system =
  { darwin: 'Macintosh', win32: 'Windows NT' }[String(process.platform)] ?? process.platform

/** A client that gives its name, in lists of sessions and in mails, and says what it waits for. */
export function clientOf(options: FreddyOptions): FreddyAuth {
  const { host } = new URL(options.baseUrl)
  return new FreddyAuth({
    fetch: (input, init) => {
      const headers = new Headers(init?.headers)
      headers.set('user-agent', `freddy/${VERSION} (${system})`)
      return waiting(() => `Asking ${host}`, fetch(input, { ...init, headers }))
    },
    wait: (ms, signal) =>
      waiting(
        () => `${host} is busy or away: again in ${Math.ceil(ms / 1000)} s`,
        wait(ms, signal),
      ),
    ...options,
  })
}

export function isApiKey(token: string | undefined): token is string {
  return token?.startsWith('ak_') ?? false
}

/** Named, or of the environment, or the one that was signed in to last. */
async function serverOf({ server }: Common): Promise<string> {
  return addressOf(server || process.env.FREDDY_SERVER || (await lastServer()) || STANDARD)
}

/** The whole address that somebody means. */
export function addressOf(text: string): string {
  const scheme = local.test(text) ? 'http' : 'https'
  try {
    const { origin, pathname } = new URL(/^https?:\/\//.test(text) ? text : `${scheme}://${text}`)
    return origin + (pathname === '/' ? '/v1' : pathname.replace(/\/+$/, ''))
  } catch {
    throw new WrongWords(`${text} is not the address of a server.`)
  }
}

/** Whether passwords and tokens would go over a network for everybody to read. */
export function isOpen(server: string): boolean {
  const { protocol, host } = new URL(server)
  return protocol === 'http:' && !local.test(host)
}

export async function rememberServer(server: string): Promise<void> {
  await writePrivate(settings, Buffer.from(`${JSON.stringify({ server }, null, 2)}\n`))
}

async function lastServer(): Promise<string | null> {
  try {
    return JSON.parse(await readFile(settings, 'utf8')).server
  } catch {
    return null
  }
}
