import { FreddyError, NotSignedInError, SessionEndedError } from './errors.ts'
import type { Tokens } from './token-store.ts'

/** How a renewal went: by a refresh of ours, by a token that somebody else had renewed, or not at all. */
export type Renewal = 'refreshed' | 'adopted' | 'impossible'

/** What opens the API: a session's tokens, an API key, or the browser's cookie. */
export interface Credential {
  /** The headers to send; throws `NotSignedInError` when there is nothing to send. */
  headers(): Readonly<Record<string, string>>
  /** Reads what is kept elsewhere, unless something is at hand. */
  load(): Promise<void>
  /** Mends a 401 for whoever sent these headers. */
  renew(refused: Readonly<Record<string, string>>): Promise<Renewal>
  /** A refresh in any case, unless one is under way. */
  refreshNow(): Promise<void>
  /** Throws where signing in would lead to nothing, before a code is used up. */
  requireKeeping(): void
  keep(tokens: Tokens): Promise<void>
  forget(): Promise<void>
}

export function apiKeyCredential(apiKey: string): Credential {
  const headers = { 'api-key': apiKey }
  return { ...unchanging, headers: () => headers }
}

/** A page on the server's own address: the tokens are in a cookie that no script can read (docs/hub.md). */
export function cookieCredential(): Credential {
  const headers = { 'freddy-session': 'cookie' }
  return { ...unchanging, headers: () => headers }
}

const unchanging = {
  load: async () => {},
  renew: async (): Promise<Renewal> => 'impossible',
  refreshNow: async () => {
    throw new NotSignedInError('An API key and a cookie have nothing to refresh')
  },
  requireKeeping: () => {
    throw new FreddyError(
      'This client has an API key or a cookie: make one without, or send people to /sign-in',
    )
  },
  keep: async () => {},
  forget: async () => {},
}

/** More than one refresh mends nothing, and tokens that others renew without end are no reason to go on. */
const MOST_ADOPTED = 2

/** Makes a call with the credential; when the server says that it is over, renews it once and repeats once. */
export async function withCredential<T>(
  credential: Credential,
  signal: AbortSignal | undefined,
  call: (headers: Readonly<Record<string, string>>) => Promise<T>,
  isOver: (answer: T) => boolean | Promise<boolean>,
): Promise<T> {
  await credential.load()
  for (let adopted = 0; ; ) {
    const headers = credential.headers()
    const answer = await call(headers)
    if (adopted > MOST_ADOPTED || !(await isOver(answer))) return answer
    const renewal = await unlessLeft(credential.renew(headers), signal)
    if (renewal === 'impossible') return answer
    adopted += renewal === 'adopted' ? 1 : MOST_ADOPTED + 1
  }
}

/** Waits for what several calls wait for; who leaves takes nothing from the others. */
function unlessLeft<T>(shared: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (!signal) return shared
  return new Promise((resolve, reject) => {
    const leave = () => reject(signal.reason)
    if (signal.aborted) leave()
    signal.addEventListener('abort', leave, { once: true })
    shared.then(resolve, reject).then(() => signal.removeEventListener('abort', leave))
  })
}

/** A refusal that no token will mend. */
export const isSessionEnd = (cause: unknown): cause is SessionEndedError =>
  cause instanceof SessionEndedError
