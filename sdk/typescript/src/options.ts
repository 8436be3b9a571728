import type { CallOptions } from './client.ts'
import { apiKeyCredential, type Credential, cookieCredential } from './credential.ts'
import { FreddyError } from './errors.ts'
import { Session } from './session.ts'
import { memoryStore, type TokenStore } from './token-store.ts'
import { type TransportParts, type Wait, wait } from './transport.ts'

export interface FreddyOptions {
  /** Address of the server, ending in `/v1`; in a page of the server itself `/v1` will do. */
  readonly baseUrl: string
  /** Where tokens are kept: in memory when absent; `cookie` in a page on the server's own address. */
  readonly store?: TokenStore | 'cookie'
  /** In place of signing in: an API key, `ak_…`. Not in a browser, where anybody could read it. */
  readonly apiKey?: string
  /** Has each refresh replace the refresh token too. One that was stolen then shows, by ending the session. */
  readonly rotate?: true
  /** What an earlier `verify` answered as `device_token`. */
  readonly deviceToken?: string
  /** For one try, in milliseconds; see `CallOptions`. */
  readonly timeoutMs?: number
  /** Tries after the first, where a call may be repeated: 2. */
  readonly retries?: number
  /** In place of the platform's own. */
  readonly fetch?: typeof fetch
  /** How it pauses between tries. */
  readonly wait?: Wait
}

export interface ResponseOptions extends CallOptions {
  readonly stream?: boolean
  /** Further fields of the body, for the model: `temperature`, `max_output_tokens`, … */
  readonly fields?: Readonly<Record<string, unknown>>
}

export interface VerifyOptions extends CallOptions {
  /** How the second step is passed: by the mailed code when absent. */
  readonly method?: 'email' | 'totp' | 'recovery_code'
}

const STANDARD_RETRIES = 2

export function transportOf(options: FreddyOptions): TransportParts {
  return {
    baseUrl: baseOf(options.baseUrl),
    // As a method of another object, a browser's own refuses to run.
    fetch: options.fetch ?? ((input, init) => fetch(input, init)),
    wait: options.wait ?? wait,
    retries: options.retries ?? STANDARD_RETRIES,
  }
}

export interface RefreshBody {
  readonly refresh_token: string
  readonly rotate?: true
}

/** Only with `rotate` a `refreshToken` comes along. */
export interface Refreshed {
  readonly token: string
  readonly refreshToken?: string
}

/** What these options open the API with. */
export function credentialOf(
  { apiKey, store = memoryStore(), rotate }: FreddyOptions,
  post: (body: RefreshBody) => Promise<Refreshed>,
): Credential {
  if (apiKey !== undefined) return apiKeyCredential(apiKey)
  if (store === 'cookie') return cookieCredential()
  return new Session(store, async (refreshToken) => {
    const body = { refresh_token: refreshToken, ...(rotate ? { rotate } : {}) }
    const next = await post(body)
    return { token: next.token, refreshToken: next.refreshToken ?? refreshToken }
  })
}

/** Without a slash at its end; in a page a path of its own address is a whole one. */
function baseOf(text: string): string {
  const page = (globalThis as { location?: { href?: string } }).location?.href
  try {
    const { origin, pathname } = new URL(text, page)
    return origin + pathname.replace(/\/+$/, '')
  } catch (cause) {
    throw new FreddyError(`baseUrl: ${text} is not an address such as http://localhost:3000/v1`, {
      cause,
    })
  }
}
