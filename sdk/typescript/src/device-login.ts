import type { DeviceRequest } from './answers.ts'
import type { CallOptions, Client } from './client.ts'
import type { Credential } from './credential.ts'
import { ApiError } from './errors.ts'
import type { Tokens } from './token-store.ts'
import type { Wait } from './transport.ts'

const GRANT = 'urn:ietf:params:oauth:grant-type:device_code'
const SLOWER_MS = 5000
/** Seconds between two questions where the server names none. */
const STANDARD_INTERVAL = 5

/** Signing in where nobody types a password: a command line, a television (RFC 8628). */
export class DeviceLogin {
  readonly #client: Client
  readonly #credential: Credential
  readonly #wait: Wait

  constructor(client: Client, credential: Credential, wait: Wait) {
    this.#client = client
    this.#credential = credential
    this.#wait = wait
  }

  /** Asks to be let in; `name` and `program` are what the page shows of this device. */
  begin(
    { name, program }: { readonly name?: string; readonly program?: string } = {},
    options: CallOptions = {},
  ): Promise<DeviceRequest> {
    this.#credential.requireKeeping()
    const body = {
      ...(program ? { client_id: program } : {}),
      ...(name ? { device_information: { device: name } } : {}),
    }
    return this.#client.open({ ...options, line: 'POST /auth/device', body, repeats: 'never' })
  }

  /**
   * Waits until somebody answered; from there on one is signed in.
   * @throws InvalidRequestError with the code ACCESS_DENIED, DEVICE_CODE_EXPIRED or DEVICE_CODE_INVALID
   */
  async finish(
    {
      device_code,
      interval = STANDARD_INTERVAL,
    }: Partial<DeviceRequest> & Pick<DeviceRequest, 'device_code'>,
    options: CallOptions = {},
  ): Promise<Tokens> {
    let pauseMs = interval * 1000
    for (;;) {
      await this.#wait(pauseMs, options.signal)
      const answer = await this.#poll(device_code, options)
      if (answer === 'slow down') pauseMs += SLOWER_MS
      else if (answer !== 'pending') return this.#keep(answer)
    }
  }

  async #poll(
    device_code: string,
    options: CallOptions,
  ): Promise<Tokens | 'pending' | 'slow down'> {
    const body = { grant_type: GRANT, device_code }
    const line = 'POST /auth/device/token'
    try {
      return await this.#client.open({ ...options, line, body, repeats: 'always' })
    } catch (cause) {
      const code = cause instanceof ApiError ? cause.code : null
      if (code === 'AUTHORIZATION_PENDING') return 'pending'
      if (code === 'SLOW_DOWN') return 'slow down'
      throw cause
    }
  }

  async #keep({ token, refreshToken }: Tokens): Promise<Tokens> {
    const tokens = { token, refreshToken }
    await this.#credential.keep(tokens)
    return tokens
  }
}
