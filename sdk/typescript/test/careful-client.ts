import { Agent, fetch } from 'undici'
import type { Client, Told } from '../src/conformance/scene.ts'

// biome-ignore lint/suspicious/noExplicitAny: a step is what docs/conformance.md says
type Step = any

/** A connection for each call: what one of them met is not met by the next. */
const dispatcher = new Agent({ pipelining: 0 })

/** A refusal, as this client knows it; status 0 is a connection that broke. */
class Refused extends Error {
  readonly status: number
  readonly code: string | undefined
  readonly retryAfter: number | undefined

  constructor(status: number, code?: string, retryAfter?: number) {
    super(`${status} ${code}`)
    this.status = status
    this.code = code
    this.retryAfter = retryAfter
  }
}

/** A client that keeps every scene; named after one of them it has the flaw that this scene is there for. */
export class CarefulClient implements Client {
  readonly #baseUrl: string
  readonly #flaw: string
  #token = ''
  #refreshToken = ''
  #renewing: Promise<void> | null = null

  /** How it pauses. */
  readonly #wait: (ms: number) => void

  constructor(baseUrl: string, flaw: string, wait: (ms: number) => void) {
    this.#wait = wait
    this.#baseUrl = baseUrl
    this.#flaw = flaw
  }

  async close(): Promise<void> {}

  async take(step: Step): Promise<Told> {
    const calls = Array.from({ length: step.together ?? 1 }, () => this.#do(step))
    const outcomes = await Promise.allSettled(calls)
    const lost = outcomes.length > 1 && this.#flaw === 'parallel-calls'
    const failed = outcomes.find(({ status }) => status === 'rejected') as PromiseRejectedResult
    if (failed || lost) return this.#refusal(failed?.reason)
    return { ...(outcomes[0] as PromiseFulfilledResult<object>).value, ok: true }
  }

  #refusal(cause: unknown): Told {
    if (!(cause instanceof Refused)) return { ok: false, error: String(cause) }
    const { status, code, retryAfter } = cause
    return { ok: false, status, code, retry_after: this.#flaw === 'says-why' ? null : retryAfter }
  }

  #do(step: Step): Promise<object> {
    const steps: Record<string, (step: Step) => Promise<object>> = {
      login: (given) => this.#login(given),
      verify: (given) => this.#verify(given),
      create_response: ({ model, messages }) => this.#ask({ model, messages }),
      refresh: () => this.#refreshByHand(),
      resend: ({ email_key }) => this.#resend(email_key),
      logout: () => this.#logout(),
    }
    return steps[step.do]?.(step) ?? Promise.reject(new Error(step.do))
  }

  async #login({ email_or_username, password }: Step): Promise<object> {
    const send = () => this.#post('/auth/login', { email_or_username, password })
    const answer = await send().catch((cause) =>
      this.#flaw === 'wrong-password' && cause.status === 401 ? send() : Promise.reject(cause),
    )
    return this.#flaw === 'sign-in' ? {} : { email_key: answer.email_key }
  }

  async #verify({ email_key, verification_code: told }: Step): Promise<object> {
    const code = this.#flaw === 'leading-zeros' ? Number(told) : told
    const send = () => this.#post('/auth/verify', { email_key, verification_code: code })
    const answer = await send().catch((cause) =>
      this.#flaw === 'wrong-code' && cause.status === 401 ? send() : Promise.reject(cause),
    )
    this.#token = answer.token
    this.#refreshToken = answer.refreshToken
    return {}
  }

  async #ask(body: object): Promise<object> {
    if (!this.#token) throw new Error('not signed in')
    if (this.#flaw === 'frozen-clock' && endOf(this.#token) < Date.now()) await this.#renew()
    const used = this.#token
    try {
      return await this.#patiently(() => this.#post('/responses', body, this.#token))
    } catch (cause) {
      if (!(cause instanceof Refused && this.#renews(cause))) throw cause
    }
    await this.#renewOnce(used)
    const answer = await this.#again(body)
    if (this.#flaw === 'expired-token') this.#token = used
    if (this.#flaw === 'lost-refresh' && this.#lost) this.#forget()
    return answer
  }

  #lost = false

  async #again(body: object): Promise<object> {
    const send = () => this.#post('/responses', body, this.#token)
    if (this.#flaw !== 'still-refused') return send()
    return send().catch(send)
  }

  #renews({ status }: Refused): boolean {
    if (this.#flaw === 'forbidden' && status === 403) return true
    if (this.#flaw === 'moved-clock' && endOf(this.#token) > Date.now()) return false
    return status === 401
  }

  /** Calls that wait for a renewal share it. */
  async #renewOnce(used: string): Promise<void> {
    if (this.#flaw === 'one-refresh') return this.#renew()
    if (this.#token !== used) return
    this.#renewing ??= this.#renew().finally(() => {
      this.#renewing = null
    })
    await this.#renewing
  }

  async #renew(): Promise<void> {
    const send = () => this.#post('/auth/refresh', { refresh_token: this.#refreshToken })
    try {
      const answer = await send().catch((cause) => {
        this.#lost = cause.status === 0
        const repeats = this.#lost
          ? this.#flaw !== 'refresh-again'
          : this.#flaw === 'revoked-session'
        return repeats ? send() : Promise.reject(cause)
      })
      this.#token = answer.token
    } catch (cause) {
      const over = cause instanceof Refused && cause.status === 401
      if (over && this.#flaw !== 'forgotten') this.#forget()
      throw cause
    }
  }

  async #refreshByHand(): Promise<object> {
    await this.#renew()
    if (this.#flaw === 'same-refresh-token') this.#refreshToken = this.#token
    return {}
  }

  async #resend(email_key: string): Promise<object> {
    if (this.#flaw !== 'late-mail') await this.#post('/auth/resend-email', { email_key })
    return {}
  }

  async #logout(): Promise<object> {
    if (this.#flaw !== 'log-out') await this.#post('/auth/logout', {}, this.#token)
    this.#forget()
    return {}
  }

  /** Waits once where the server says how long; what was lost may have been done. */
  async #patiently<T>(send: () => Promise<T>): Promise<T> {
    try {
      return await send()
    } catch (cause) {
      if (!(cause instanceof Refused)) throw cause
      const { status, retryAfter = 0 } = cause
      if (status === 0 && this.#flaw === 'lost-answer') return send()
      if (status !== 429 && (status !== 503 || this.#flaw === 'unavailable')) throw cause
      if (retryAfter > 60 && this.#flaw !== 'throttled') throw cause
      const hurries = this.#flaw === 'retry-after' && status === 429
      if (!hurries && retryAfter <= 60) this.#wait(retryAfter * 1000)
      return send()
    }
  }

  #forget(): void {
    this.#token = ''
    this.#refreshToken = ''
  }

  async #post(path: string, body: object, token = ''): Promise<Step> {
    const headers = {
      'content-type': 'application/json',
      ...(token ? { authorization: `Bearer ${token}` } : {}),
    }
    const init = { method: 'POST', headers, body: JSON.stringify(body), dispatcher }
    const answer = await fetch(this.#baseUrl + path, init).catch((cause) => {
      if (this.#flaw === 'server-away' && cause.cause?.code === 'ECONNREFUSED') this.#forget()
      throw new Refused(0)
    })
    const told = (await answer.json()) as Step
    if (answer.ok) return told
    const seconds = answer.headers.get('retry-after')
    throw new Refused(answer.status, told.error.code, seconds ? Number(seconds) : undefined)
  }
}

/** When a token says that it ends; a number that compares with nothing when it does not say. */
function endOf(token: string): number {
  try {
    const claims = Buffer.from(token.split('.')[1] ?? '', 'base64url').toString()
    return JSON.parse(claims).exp * 1000
  } catch {
    return Number.NaN
  }
}
