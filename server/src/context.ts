import type { LRUCache } from 'lru-cache'
import type { Feed } from './auth/feed.ts'
import type { KeyUses } from './auth/key-uses.ts'
import type { Keyring } from './auth/keyring.ts'
import type { Memory } from './auth/memory.ts'
import type { Principal } from './auth/principal.ts'
import type { RevocationStreams } from './auth/revocation-stream.ts'
import type { Sightings } from './auth/session-seen.ts'
import type { SigningKeys } from './auth/signing-keys.ts'
import type { Tokens } from './auth/token.ts'
import type { Config } from './config.ts'
import type { Limiter } from './limiter/limiter.ts'
import type { Log } from './log.ts'
import type { LetterTexts } from './mail/letter-texts.ts'
import type { Outbox } from './mail/outbox.ts'
import type { ModelTable } from './models-file.ts'
import type { Siblings } from './processes/siblings.ts'
import type { RaiseWaits } from './responses/raise-waits.ts'
import type { TurnedAwayCalls } from './responses/turned-away.ts'
import type { Upstreams } from './responses/upstream.ts'
import type { UsageQueue } from './responses/usage-queue.ts'
import type { ApiKeyRow } from './store/api-keys.ts'
import type { NewEvent } from './store/events.ts'
import type { Store } from './store/store.ts'
import type { Tracing } from './tracing/tracing.ts'
import type { Networks } from './wire/network.ts'
import type { Hasher } from './workers/hasher.ts'

/** Milliseconds since 1970. Frozen in tests. */
export type Clock = () => number

/** One running server: everything a use case may reach. There are no globals, so two live in one process. */
export interface App {
  readonly config: Config
  /** Where it listens: with PORT=0 that is known only once it does. */
  readonly bound: { port: number }
  readonly now: Clock
  readonly keyring: Keyring
  readonly tokens: Tokens
  readonly signingKeys: SigningKeys
  readonly store: Store
  readonly limiter: Limiter
  readonly hasher: Hasher
  readonly outbox: Pick<Outbox, 'poke'>
  readonly letterTexts: LetterTexts
  readonly usage: UsageQueue
  readonly keyUses: KeyUses
  readonly sightings: Sightings
  readonly log: Log
  /** Null where the operator brought no SDK of OpenTelemetry. */
  readonly tracing: Tracing | null
  /** The other processes of this server; null where it is one process. */
  readonly siblings: Siblings | null
  readonly models: ModelTable
  readonly upstreams: Upstreams
  /** Rows that need not be read for each call, and how it is known that they still say what is so. */
  readonly memory: Memory
  readonly feed: Feed
  /** Who is told over HTTP of what ends. */
  readonly revocationStreams: RevocationStreams
  /** Calls that wait for their owner to raise a limit. */
  readonly raiseWaits: RaiseWaits
  /** The latest calls that a traffic limit turned away, by their request ids. */
  readonly turnedAway: TurnedAwayCalls
  /** Canaries that were tried and whose owners are to hear of it, by their keys. */
  readonly canaries: LRUCache<string, CanaryUse>
  /** Limits that refused a call in their day or month, and the event that is still to be written of it. */
  readonly reached: LRUCache<string, NewEvent | false>
  /** The networks that keys are bound to, by their text. */
  readonly keyNetworks: LRUCache<string, Networks>
  /** Aborted when the server ends and waits no longer: who still hears an answer is told that it ends here. */
  readonly closing: AbortController
}

/** A canary, and who tried it first since its owner heard. */
export interface CanaryUse {
  readonly row: ApiKeyRow
  readonly origin: Origin
  readonly at: number
}

/** Where a call came from, as far as it can be believed. */
export interface Origin {
  /** The caller's address: the socket's, or the rightmost hop that no trusted proxy vouches for. */
  readonly address: string
  /** What limits count: an IPv4 address or an IPv6 /64. */
  readonly source: string
  /** The IPv6 /48 around it. */
  readonly network: string | null
  readonly agent: string
  /** The languages its reader asks for, as an Accept-Language header says it. */
  readonly languages?: string
}

/** The request itself, for those who pass it on. */
export interface Carried {
  /** The body as it came; empty where no gateway route read one. */
  readonly bytes: Buffer
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  /** Aborted when the caller went before the answer was whole. */
  left(): AbortSignal
}

/** A request as a use case sees it. */
export interface Call<Body = unknown, Params = unknown, Query = unknown> {
  readonly app: App
  readonly body: Body
  readonly params: Params
  readonly query: Query
  readonly principal: Principal | null
  readonly origin: Origin
  readonly carried: Carried
  readonly now: number
  /** The answer's `x-request-id`. */
  readonly requestId: string
  /** Headers the answer is to carry. */
  readonly headers: Record<string, string>
}
