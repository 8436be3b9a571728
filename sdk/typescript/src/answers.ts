/* What the server answers, in the words of the wire: moments are ISO 8601, spans are seconds. */

export interface Verified {
  readonly token: string
  readonly refreshToken: string
  readonly token_type: 'bearer'
  /** Seconds that the token lives. */
  readonly expires_in: number
  /** The session. */
  readonly device_id: string
  /** Marks this device for later logins: pass it as `deviceToken`. */
  readonly device_token: string
  readonly user: { readonly id: string; readonly email: string; readonly verified: boolean }
}

export interface Resent {
  readonly success: true
  readonly message: string
  readonly email_key: string
  readonly type: 'registration' | 'login' | 'password_reset'
}

/** How the mail of a code fares. */
export interface Challenge {
  readonly type: Resent['type']
  readonly expires_at: string
  /** Seconds until another mail may be asked for. */
  readonly resend_after: number
  readonly sends_left: number
  readonly delivery: {
    readonly state: 'queued' | 'sent' | 'delayed' | 'refused'
    readonly reason?: string
  }
}

export interface Profile {
  readonly id: string
  readonly email: string
  readonly username: string | null
  readonly full_name: string | null
  readonly is_active: boolean
  readonly last_login: string | null
  readonly created_at: string
  readonly updated_at: string
}

export interface List<Item> {
  readonly object: 'list'
  readonly data: readonly Item[]
  readonly has_more: boolean
}

export interface Page {
  /** Items of one page: 1 to 100, 20 when absent. */
  readonly limit?: number
  /** The id of the last item of the page before. */
  readonly after?: string
}

/** What a key may use up; null is no limit of its own. Money is in the unit of the prices of models. */
export interface KeyLimits {
  readonly requests_per_minute: number | null
  readonly requests_per_day: number | null
  readonly tokens_per_day: number | null
  readonly tokens_per_month: number | null
  readonly money_per_day: number | null
  readonly money_per_month: number | null
}

interface KeyTerms {
  readonly id: string
  readonly name: string
  readonly scopes: readonly string[]
  /** Null is every model, every network. */
  readonly models: readonly string[] | null
  readonly limits: KeyLimits
  readonly created_at: string
  readonly expires_at: string | null
}

interface DescribedKey extends KeyTerms {
  /** The first and the last characters of the key, to know it by. */
  readonly prefix: string
  readonly last4: string
  readonly networks: readonly string[] | null
  readonly labels: Readonly<Record<string, string>>
  readonly canary: boolean
  readonly canary_pauses_label: string | null
}

export interface ApiKey extends DescribedKey {
  readonly status: 'active' | 'paused' | 'expired' | 'revoked'
  readonly paused_by: string | null
  readonly last_used_at: string | null
  readonly last_used_network: string | null
  readonly last_used_client: string | null
  /** Calls with the whole key from outside its networks. */
  readonly refused: {
    readonly calls: number
    readonly last_at: string | null
    readonly last_network: string | null
  }
  /** The secret before this one, while it opens, and who still uses it. */
  readonly old_secret: {
    readonly prefix: string
    readonly last4: string
    readonly replaced_at: string
    readonly ends_at: string
    readonly end_when_silent: number | null
    readonly callers: readonly {
      readonly network: string
      readonly client: string
      readonly last_seen_at: string
      readonly calls: number
    }[]
  } | null
}

export interface NewApiKey extends DescribedKey {
  /** Shown here and never again. */
  readonly key: string
}

/** What a program may know of the key that it holds. */
export interface OwnApiKey extends KeyTerms {
  /** Of each limit that is set. */
  readonly remaining: {
    readonly [limit in keyof KeyLimits]?: { readonly left: number; readonly resets_at: string }
  }
}

export interface Rotation {
  /** How long the old secret goes on: 0 to 30, 7 when absent. */
  readonly overlap_days?: number
  /** Seconds without a call after which the old secret ends sooner. */
  readonly end_when_silent?: number | null
}

/** What may be said of a key anew later. */
export interface ApiKeyChange {
  readonly name?: string
  /** Names of models; a star at the end stands for any rest. */
  readonly models?: readonly string[] | null
  readonly networks?: readonly string[] | null
  /** A moment; of a new key: 90 days from now when absent, never when null. */
  readonly expires_at?: string | null
  readonly limits?: Partial<KeyLimits>
  readonly labels?: Readonly<Record<string, string>>
}

export interface ApiKeyWish extends ApiKeyChange {
  readonly name: string
  /** `responses` and `models` when absent. */
  readonly scopes?: readonly string[]
  /** A key that never works, and tells its owner who tries it. */
  readonly canary?: true
  /** A label of the canary: keys with the same one are paused when it is tried. */
  readonly canary_pauses_label?: string
}

/** A signed-in device, or one that was. */
export interface DeviceSession {
  /** The `device_id` that `verify` answered. */
  readonly id: string
  /** Whether it is the one that asks. */
  readonly current: boolean
  readonly device_name: string
  readonly platform: string | null
  readonly location: string | null
  readonly network: string
  readonly last_seen_network: string
  readonly last_seen_with: string
  /** How its person signed in (RFC 8176). */
  readonly amr: readonly string[]
  readonly first_seen_at: string
  readonly last_seen_at: string
  readonly expires_at: string
  readonly ended_at: string | null
  readonly end_reason: string | null
  /** How it fares, in a sentence. */
  readonly explanation: string
}

export interface SessionStory extends DeviceSession {
  /** What was decided about it, newest first. */
  readonly decisions: readonly {
    readonly happened_at: string
    readonly event: string
    readonly what: string
    readonly allowed: boolean
    readonly reason: string | null
    readonly by: 'you' | 'operator'
    readonly network: string | null
    readonly program: string | null
  }[]
}

interface UsageSums {
  readonly calls: number
  readonly input_tokens: number
  readonly output_tokens: number
  /** Millionths of the unit that prices are in. */
  readonly money_millionths: number
}

export interface UsageLimit {
  readonly level: 'person' | 'key'
  readonly key: string | null
  readonly limit: string
  readonly unit: 'tokens' | 'millionths'
  readonly used: number
  readonly held: number
  readonly most: number
  readonly resets_at: string
}

export interface Usage {
  readonly object: 'usage'
  readonly from: string
  readonly to: string
  readonly total: UsageSums
  readonly data: readonly (UsageSums & {
    /** Null for calls of a session. */
    readonly key?: string | null
    readonly model?: string
    readonly day?: string
  })[]
  readonly limits: readonly UsageLimit[]
}

export interface ModelCall {
  readonly id: string
  readonly request_id: string
  readonly created_at: string
  readonly key: string | null
  readonly model: string
  readonly outcome: string
  readonly input_tokens: number
  readonly output_tokens: number
  readonly money_millionths: number
}

export interface UsageStory {
  readonly request_id: string
  readonly outcome: string
  /** What the caller was refused with. */
  readonly code: string | null
  readonly sentence: string
  readonly [field: string]: unknown
}

/** A request of a device to be let in: show its address, code and phrase to whoever is to answer. */
export interface DeviceRequest {
  readonly device_code: string
  readonly user_code: string
  /** The page shows the same words. */
  readonly pairing_phrase: string
  readonly verification_uri: string
  readonly verification_uri_complete: string
  /** Seconds. */
  readonly expires_in: number
  readonly interval: number
}

export interface Model {
  readonly id: string
  readonly object: 'model'
  readonly [field: string]: unknown
}

export interface Message {
  readonly role: string
  readonly content: unknown
}

/** OpenAI's response object. */
export interface ModelResponse {
  readonly id: string
  readonly object: 'response'
  readonly created_at: number
  readonly status: string
  readonly model: string
  readonly output: readonly unknown[]
  readonly output_text: string
  readonly usage: {
    readonly input_tokens: number
    readonly output_tokens: number
    readonly total_tokens: number
  } | null
  readonly [field: string]: unknown
}

/** OpenAI's events of a response: `response.output_text.delta` has a piece of the text in `delta`. */
export interface ResponseEvent {
  readonly type: string
  readonly delta?: string
  readonly response?: Partial<ModelResponse>
  readonly [field: string]: unknown
}
