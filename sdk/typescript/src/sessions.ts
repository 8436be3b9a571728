import type { DeviceSession, List, Page, SessionStory } from './answers.ts'
import { type CallOptions, type Client, queryOf } from './client.ts'

/** Where one is signed in. */
export class Sessions {
  readonly #client: Client

  constructor(client: Client) {
    this.#client = client
  }

  /** One page of sessions, newest first: those that live, or with `state: 'ended'` those that are over. */
  list(
    page: Page & { readonly state?: 'live' | 'ended' } = {},
    options: CallOptions = {},
  ): Promise<List<DeviceSession>> {
    return this.#client.ask({ ...options, line: `GET /auth/sessions${queryOf(page)}` })
  }

  /** One session, alive or over, and why it ended. Throws `NotFoundError`. */
  get(id: string, options: CallOptions = {}): Promise<SessionStory> {
    return this.#client.ask({ ...options, line: `GET /auth/sessions/${encodeURIComponent(id)}` })
  }

  /** Ends one session. Throws `NotFoundError`. */
  async revoke(id: string, options: CallOptions = {}): Promise<void> {
    const line = `DELETE /auth/sessions/${encodeURIComponent(id)}` as const
    await this.#client.ask({ ...options, line, repeats: 'always' })
  }

  /** Ends all sessions but this one; answers how many those were. */
  async revokeOthers(options: CallOptions = {}): Promise<number> {
    const line = 'DELETE /auth/sessions'
    const { deleted } = await this.#client.ask<{ deleted: number }>({
      ...options,
      line,
      repeats: 'always',
    })
    return deleted
  }
}
