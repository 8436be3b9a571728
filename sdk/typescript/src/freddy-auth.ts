import type {
  Challenge,
  Message,
  Model,
  ModelResponse,
  Profile,
  Resent,
  ResponseEvent,
  Verified,
} from './answers.ts'
import { ApiKeys } from './api-keys.ts'
import { type CallOptions, Client } from './client.ts'
import { type Credential, isSessionEnd } from './credential.ts'
import { DeviceLogin } from './device-login.ts'
import { NotSignedInError } from './errors.ts'
import {
  credentialOf,
  type FreddyOptions,
  type ResponseOptions,
  transportOf,
  type VerifyOptions,
} from './options.ts'
import { ownFetch } from './own-fetch.ts'
import { MODEL_MS, streamResponse } from './response-stream.ts'
import { Sessions } from './sessions.ts'
import type { TransportParts } from './transport.ts'
import { UsageDesk } from './usage.ts'

/**
 * Signs in with a password and a mailed code, and calls the API. Every method may throw `ConnectionError`,
 * `TimeoutError`, `RateLimitError` and `ServerError`; errors.ts draws all of them.
 */
export class FreddyAuth {
  readonly apiKeys: ApiKeys
  readonly device: DeviceLogin
  readonly sessions: Sessions
  readonly usage: UsageDesk
  readonly #transport: TransportParts
  readonly #client: Client
  readonly #credential: Credential
  #deviceToken: string | undefined

  /** @param options the address of the server, ending in `/v1`, or that and more */
  constructor(options: FreddyOptions | string) {
    const all = typeof options === 'string' ? { baseUrl: options } : options
    this.#transport = transportOf(all)
    this.#credential = credentialOf(all, (body) =>
      this.#client.open({ line: 'POST /auth/refresh', body, repeats: 'always' }),
    )
    this.#client = new Client(this.#transport, this.#credential, all.timeoutMs)
    this.#deviceToken = all.deviceToken
    this.device = new DeviceLogin(this.#client, this.#credential, this.#transport.wait)
    this.apiKeys = new ApiKeys(this.#client)
    this.sessions = new Sessions(this.#client)
    this.usage = new UsageDesk(this.#client)
  }

  /**
   * Step one: the password. A code is mailed.
   * @returns the e-mail key, which `verify` and `resend` take
   * @throws InvalidCredentialsError, RateLimitError
   */
  async login(
    emailOrUsername: string,
    password: string,
    options: CallOptions = {},
  ): Promise<string> {
    this.#credential.requireKeeping()
    const known = this.#deviceToken ? { device_token: this.#deviceToken } : {}
    const body = { email_or_username: emailOrUsername, password, ...known }
    return this.#begin('/auth/login', body, options)
  }

  /**
   * Begins an account; a code of 8 digits is mailed, which goes to `verify`.
   * @returns the e-mail key
   * @throws InvalidRequestError for a weak password or an address that cannot be, ConflictError for a user name that
   *   is taken, PermissionDeniedError where registration is closed
   */
  async register(
    email: string,
    password: string,
    names: { full_name?: string; user_name?: string; invitation?: string } = {},
    options: CallOptions = {},
  ): Promise<string> {
    return this.#begin('/auth/register', { email, password, ...names }, options)
  }

  /**
   * Step two: the code, as a number or as its digits. From here on one is signed in.
   * @returns tokens and user
   * @throws InvalidCodeError, CodeExpiredError (then `resend`), RateLimitError (then `login` again)
   */
  async verify(
    emailKey: string,
    verificationCode: number | string,
    { method, ...options }: VerifyOptions = {},
  ): Promise<Verified> {
    this.#credential.requireKeeping()
    const field = method === 'recovery_code' ? method : 'verification_code'
    const proof = { ...(method ? { method } : {}), [field]: verificationCode }
    const verified = await this.#client.open<Verified>({
      ...options,
      line: 'POST /auth/verify',
      body: { email_key: emailKey, ...proof },
      repeats: 'never',
    })
    this.#deviceToken = verified.device_token ?? this.#deviceToken
    await this.#credential.keep({ token: verified.token, refreshToken: verified.refreshToken })
    return verified
  }

  /**
   * Mails a code again, also after the old one expired: a minute after the last mail at the earliest.
   * @throws InvalidCodeError for a key that is too old, RateLimitError with the seconds to wait
   */
  resend(emailKey: string, options: CallOptions = {}): Promise<Resent> {
    const body = { email_key: emailKey }
    const line = 'POST /auth/resend-email'
    return this.#client.open({ ...options, line, body, repeats: 'never' })
  }

  /** How the mail of a code fares, and when another may be asked for. */
  challenge(emailKey: string, options: CallOptions = {}): Promise<Challenge> {
    const line = `GET /auth/challenge/${encodeURIComponent(emailKey)}` as const
    return this.#client.open({ ...options, line })
  }

  /**
   * Mails a code of 8 digits for a new password. Answers alike for every address.
   * @returns the e-mail key, for `resetPassword`
   */
  forgotPassword(email: string, options: CallOptions = {}): Promise<string> {
    return this.#begin('/auth/password/reset', { email }, options)
  }

  /**
   * Sets a new password by the mailed code. Every session ends and every API key is revoked.
   * @throws InvalidCodeError, InvalidRequestError for a weak password
   */
  async resetPassword(
    emailKey: string,
    verificationCode: number | string,
    newPassword: string,
    options: CallOptions = {},
  ): Promise<void> {
    const body = {
      email_key: emailKey,
      verification_code: verificationCode,
      new_password: newPassword,
    }
    const line = 'POST /auth/password/reset/verify'
    await this.#client.open({ ...options, line, body, repeats: 'never' })
  }

  /**
   * Gets another access token. Calls do this by themselves when the server says that theirs is over.
   * @throws NotSignedInError, SessionEndedError
   */
  async refresh(): Promise<void> {
    await this.#credential.refreshNow()
  }

  /** True when somebody is signed in: in this object, or by what its store keeps. Asks no server. */
  async restore(): Promise<boolean> {
    await this.#credential.load()
    try {
      this.#credential.headers()
      return true
    } catch (cause) {
      if (cause instanceof NotSignedInError) return false
      throw cause
    }
  }

  /** Ends the session, here and on the server. The tokens are forgotten also when the server cannot be told. */
  async logout(options: CallOptions = {}): Promise<void> {
    try {
      await this.#client.ask({ ...options, line: 'POST /auth/logout', repeats: 'always' })
    } catch (cause) {
      if (!isSessionEnd(cause) && !(cause instanceof NotSignedInError)) throw cause
    } finally {
      await this.#credential.forget()
    }
  }

  /**
   * The headers of a call of one's own.
   * @throws NotSignedInError before `verify`; where a store keeps tokens, `restore` reads them first
   */
  getHeaders(): Record<string, string> {
    return { ...this.#credential.headers(), 'Content-Type': 'application/json' }
  }

  /**
   * Asks a model. With `stream: true` the answer is one to loop over: `for await (const event of …)`.
   * @throws NotSignedInError, SessionEndedError, PermissionDeniedError, BudgetExhaustedError; of a stream also
   *   StreamCutError
   */
  createResponse(
    model: string,
    messages: readonly Message[],
    options: ResponseOptions & { stream: true },
  ): AsyncGenerator<ResponseEvent>
  createResponse(
    model: string,
    messages: readonly Message[],
    options?: ResponseOptions & { stream?: false },
  ): Promise<ModelResponse>
  createResponse(
    model: string,
    messages: readonly Message[],
    { stream, fields, ...options }: ResponseOptions = {},
  ): Promise<ModelResponse> | AsyncGenerator<ResponseEvent> {
    const body = { ...fields, model, messages }
    if (stream) return streamResponse(this.#client, body, options)
    return this.#client.ask({ standardMs: MODEL_MS, ...options, line: 'POST /responses', body })
  }

  /**
   * The platform's `fetch` with the credential, to this server only: a 401 renews once and repeats once. A path is taken
   * from `baseUrl`: `fetch('/models')`. Answers whatever the server says; throws no `ApiError`.
   * @throws NotSignedInError, SessionEndedError, FreddyError for another server's address
   */
  async fetch(input: string | URL | Request, init?: RequestInit): Promise<Response> {
    return ownFetch(this.#transport, this.#credential, input, init)
  }

  /** The models that answer here. */
  models(options: CallOptions = {}): Promise<{ object: 'list'; data: readonly Model[] }> {
    return this.#client.ask({ ...options, line: 'GET /models' })
  }

  /** Who is signed in, or whose API key this is (scope `account:read`). */
  me(options: CallOptions = {}): Promise<Profile> {
    return this.#client.ask({ ...options, line: 'GET /user/me' })
  }

  async #begin(path: `/${string}`, body: object, options: CallOptions): Promise<string> {
    const { email_key } = await this.#client.open<{ email_key: string }>({
      ...options,
      line: `POST ${path}`,
      body,
      repeats: 'never',
    })
    return email_key
  }
}
