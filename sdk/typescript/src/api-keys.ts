import type { ApiKey, ApiKeyWish, List, NewApiKey, Page } from './answers.ts'
import { type CallOptions, type Client, queryOf } from './client.ts'

/** API keys of who is signed in. An API key cannot make others: these need a session. */
export class ApiKeys {
  readonly #client: Client

  constructor(client: Client) {
    this.#client = client
  }

  /** Makes a key; the answer's `key` is shown this once. Throws `PermissionDeniedError` to an API key. */
  create(wish: ApiKeyWish, options: CallOptions = {}): Promise<NewApiKey> {
    return this.#client.ask({ ...options, line: 'POST /api-keys', body: wish })
  }

  /** One page of keys, newest first. */
  list(page: Page = {}, options: CallOptions = {}): Promise<List<ApiKey>> {
    return this.#client.ask({ ...options, line: `GET /api-keys${queryOf(page)}` })
  }

  /** One key. Throws `NotFoundError`. */
  get(id: string, options: CallOptions = {}): Promise<ApiKey> {
    return this.#client.ask({ ...options, line: `GET /api-keys/${encodeURIComponent(id)}` })
  }

  /** Ends a key for good. Throws `NotFoundError`. */
  async revoke(id: string, options: CallOptions = {}): Promise<void> {
    const line = `DELETE /api-keys/${encodeURIComponent(id)}` as const
    await this.#client.ask({ ...options, line, repeats: 'always' })
  }
}
