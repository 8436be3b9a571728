/** A case, as its JSON file spells it. README.md says what each field means. */
export interface Case {
  readonly promise: string
  readonly client?: ClientSettings
  readonly server: readonly Rule[]
  readonly steps: readonly Step[]
}

export interface ClientSettings {
  /** What its store holds when it begins. */
  readonly tokens?: Tokens
  readonly api_key?: string
  readonly rotate?: boolean
  /** How long it waits for an answer, in seconds. */
  readonly timeout?: number
}

export interface Tokens {
  readonly token: string
  readonly refreshToken: string
}

export interface Rule {
  readonly on: string
  /** Null: the header must not be there. */
  readonly headers?: Readonly<Record<string, string | null>>
  /** Each of these fields has this value; others may be there. */
  readonly body?: Readonly<Record<string, unknown>>
  /** How often it must be asked; once when absent. */
  readonly times?: number
  /** Answers nobody before so many are waiting. */
  readonly gather?: number
  readonly answer: Reply
}

/** One of: a JSON body, a text, an error, events, or no answer at all. */
export interface Reply {
  readonly status?: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly text?: string
  readonly refuse?: Refusal
  readonly events?: readonly { readonly type: string; readonly [field: string]: unknown }[]
  /** The connection breaks after the events. */
  readonly cut?: true
  /** After the events nothing more comes, and the connection stays. */
  readonly open?: true
  /** The request is read, then the connection breaks without an answer. */
  readonly lost?: true
  /** Nothing ever comes. */
  readonly silent?: true
}

export interface Refusal {
  readonly status: number
  readonly code: string
  readonly details?: Readonly<Record<string, unknown>>
}

export type Step = CallStep | ServerStep | StoreStep | HoldsStep

export interface CallStep {
  readonly call: string
  readonly with?: Readonly<Record<string, unknown>>
  /** How many of this call are made at once; one when absent. */
  readonly together?: number
  readonly gives?: unknown
  readonly yields?: readonly unknown[]
  readonly throws?: Expected
  /** The pauses it makes, each at least and at most so many seconds. */
  readonly waits?: readonly (readonly [least: number, most: number])[]
}

export interface Expected {
  readonly kind: string
  readonly code?: string
  readonly status?: number
  readonly retry_after?: number
  readonly request_id?: string
  readonly reason?: string
}

export interface ServerStep {
  readonly server: 'down' | 'up'
}

export interface StoreStep {
  readonly store: Tokens
}

export interface HoldsStep {
  readonly holds: Tokens | null
}
