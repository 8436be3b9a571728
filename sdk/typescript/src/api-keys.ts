import type {
  ApiKey,
  ApiKeyChange,
  ApiKeyWish,
  List,
  NewApiKey,
  OwnApiKey,
  Page,
  Rotation,
} from './answers.ts'
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
    return this.#client.ask({ ...options, line: `GET ${pathOf(id)}` })
  }

  /** Changes what is named, and leaves the rest. Throws `NotFoundError`, `InvalidRequestError`. */
  change(id: string, change: ApiKeyChange, options: CallOptions = {}): Promise<ApiKey> {
    return this.#client.ask({ ...options, line: `PATCH ${pathOf(id)}`, body: change })
  }

  /** The key that this client itself calls with, and what is left of its limits. */
  own(options: CallOptions = {}): Promise<OwnApiKey> {
    return this.#client.ask({ ...options, line: 'GET /api-key' })
  }

  /**
   * Gives a key another secret; the answer's `key` is shown this once. Who uses the old one goes on for a while. Throws
   * `NotFoundError`, `PermissionDeniedError`.
   */
  rotate(id: string, rotation: Rotation = {}, options: CallOptions = {}): Promise<NewApiKey> {
    return this.#client.ask({ ...options, line: `POST ${pathOf(id)}/rotate`, body: rotation })
  }

  /** Lets a key open nothing until it is resumed. Throws `NotFoundError`. */
  pause(id: string, options: CallOptions = {}): Promise<ApiKey> {
    return this.#client.ask({ ...options, line: `POST ${pathOf(id)}/pause` })
  }

  /** Lets a paused key open again. Throws `NotFoundError`. */
  resume(id: string, options: CallOptions = {}): Promise<ApiKey> {
    return this.#client.ask({ ...options, line: `POST ${pathOf(id)}/resume` })
  }

  /** Ends a key for good. Throws `NotFoundError`. */
  async revoke(id: string, options: CallOptions = {}): Promise<void> {
    await this.#client.ask({ ...options, line: `DELETE ${pathOf(id)}`, repeats: 'always' })
  }
}

const pathOf = (id: string) => `/api-keys/${encodeURIComponent(id)}` as const
