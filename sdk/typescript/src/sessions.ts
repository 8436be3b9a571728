import type { DeviceSession, List, Page } from './answers.ts'
import { type CallOptions, type Client, queryOf } from './client.ts'

/** Where one is signed in. */
export class Sessions {
  readonly #client: Client

  constructor(client: Client) {
    this.#client = client
  }

  /** One page of live sessions. */
  list(page: Page = {}, options: CallOptions = {}): Promise<List<DeviceSession>> {
    return this.#client.ask({ ...options, line: `GET /auth/sessions${queryOf(page)}` })
  }

  /** Ends one session. Throws `NotFoundError`. */
  async revoke(id: string, options: CallOptions = {}): Promise<void> {
    const line = `DELETE /auth/sessions/${encodeURIComponent(id)}` as const
    await this.#client.ask({ ...options, line, repeats: 'always' })
  }

  /** Ends all sessions but this one. */
  async revokeOthers(options: CallOptions = {}): Promise<void> {
    await this.#client.ask({ ...options, line: 'DELETE /auth/sessions', repeats: 'always' })
  }
}
