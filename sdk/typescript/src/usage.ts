import type { List, ModelCall, Page, Usage, UsageStory } from './answers.ts'
import { type CallOptions, type Client, queryOf } from './client.ts'

/** A span of time, by moments; the UTC month until now when absent. */
export interface UsageQuery {
  readonly from?: string
  readonly to?: string
  /** What the rows are: `day` when absent. */
  readonly by?: 'key' | 'model' | 'day'
}

/** What was asked of models, and how far budgets are gone. An API key (scope `usage:read`) sees its own. */
export class UsageDesk {
  readonly #client: Client

  constructor(client: Client) {
    this.#client = client
  }

  /** Sums, and the budgets that the next call is judged by. */
  show(query: UsageQuery = {}, options: CallOptions = {}): Promise<Usage> {
    return this.#client.ask({ ...options, line: `GET /usage${queryOf(query)}` })
  }

  /** One page of calls, newest first. */
  list(page: Page = {}, options: CallOptions = {}): Promise<List<ModelCall>> {
    return this.#client.ask({ ...options, line: `GET /usage/requests${queryOf(page)}` })
  }

  /** How one call was booked, by the `x-request-id` of its answer. Throws `NotFoundError`. */
  explain(requestId: string, options: CallOptions = {}): Promise<UsageStory> {
    const line = `GET /usage/requests/${encodeURIComponent(requestId)}/explain` as const
    return this.#client.ask({ ...options, line })
  }
}
