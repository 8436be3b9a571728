import { createFeed } from './auth/feed.ts'
import { createKeyUses } from './auth/key-uses.ts'
import type { Keyring } from './auth/keyring.ts'
import { createMemory } from './auth/memory.ts'
import { createRevocationStreams } from './auth/revocation-stream.ts'
import { createSightings } from './auth/session-seen.ts'
import { createSigningKeys } from './auth/signing-keys.ts'
import { tellSiblings } from './auth/tell-siblings.ts'
import { createTokens } from './auth/token.ts'
import { type Config, ConfigError } from './config.ts'
import type { App, Clock } from './context.ts'
import { latelyUsed } from './lately-used.ts'
import type { Limiter } from './limiter/limiter.ts'
import type { Log } from './log.ts'
import { type LetterTexts, readLetterTexts } from './mail/letter-texts.ts'
import type { Outbox } from './mail/outbox.ts'
import type { Metrics } from './metrics/metrics.ts'
import { observe } from './metrics/observe.ts'
import { takeReadings } from './metrics/readings.ts'
import { readModels } from './models-file.ts'
import type { Siblings } from './processes/siblings.ts'
import { createRaiseWaits } from './responses/raise-waits.ts'
import { createTurnedAway } from './responses/turned-away.ts'
import { createUpstreams } from './responses/upstream.ts'
import { reachable, spelledLoopback } from './responses/upstream-address.ts'
import { createUsageQueue } from './responses/usage-queue.ts'
import type { Store } from './store/store.ts'
import { createHasher, type Hasher } from './workers/hasher.ts'

const REMEMBERED_NETWORKS = 1000
const WAITING_CANARIES = 1000
const REMEMBERED_CAPS = 20_000

export interface Assembled {
  readonly now: Clock
  /** Milliseconds of a clock that nobody sets. */
  readonly tick: Clock
  readonly log: Log
  readonly keyring: Keyring
  readonly limiter: Limiter
  readonly store: Store
  readonly siblings: Siblings | null
  readonly hasher?: Hasher
}

/** The app of these parts, and the way to connect the outbox that is made of it. */
export function assemble(
  config: Config,
  parts: Assembled,
  metrics: Metrics | null = null,
): { app: App; connect: (outbox: Outbox) => void } {
  let poke = () => {}
  const longest = { access: config.accessLifeMs / 1000, refresh: 30 * 86_400 }
  const issuer = config.publicUrl ?? 'freddy-auth'
  const { keyring, store } = parts
  const memory = createMemory()
  const revocationStreams = createRevocationStreams()
  const signingKeys = createSigningKeys({
    store: store.signingKeys,
    keyring,
    algorithm: config.jwtAlg,
  })
  const app: App = {
    config,
    bound: { port: config.port },
    ...parts,
    tracing: null,
    signingKeys,
    tokens: createTokens({ keyring, signingKeys, issuer, audience: 'freddy-api', longest }),
    hasher: parts.hasher ?? createHasher({ threads: config.hashThreads }),
    usage: createUsageQueue(
      parts.store.ledger,
      parts.now,
      ({ request_id, user_id, ...usage }, cause) =>
        parts.log.error({
          event: 'usage.dropped',
          requestId: request_id,
          userId: user_id,
          count: usage.input_tokens + usage.output_tokens,
          cause,
        }),
    ),
    keyUses: createKeyUses(parts.store.keyUses, (cause) =>
      parts.log.warn({ event: 'keys.uses', cause }),
    ),
    sightings: createSightings(parts.store.sessions),
    outbox: { poke: () => poke() },
    letterTexts: lettersOf(config),
    models: readModels(config),
    upstreams: createUpstreams({
      times: config.upstreamTimes,
      mayReach: reachable([...config.upstreamAllow, ...spelledLoopback(config.upstreamUrl)]),
      now: parts.now,
    }),
    memory: parts.siblings ? tellSiblings(memory, parts.siblings) : memory,
    revocationStreams,
    feed: createFeed({
      changes: store.changes,
      engine: store.inspection.engine,
      memory,
      now: parts.now,
      tick: parts.tick,
      log: parts.log,
      onHeard(delayMs) {
        metrics?.time.revocations.observe(delayMs / 1000)
        revocationStreams.wake()
      },
    }),
    raiseWaits: createRaiseWaits(),
    turnedAway: createTurnedAway(parts.siblings),
    canaries: latelyUsed(WAITING_CANARIES),
    reached: latelyUsed(REMEMBERED_CAPS),
    keyNetworks: latelyUsed(REMEMBERED_NETWORKS),
    closing: new AbortController(),
  }
  const measured = metrics ? observe(app, metrics) : app
  metrics?.onRead(() => takeReadings(measured, metrics))
  return {
    app: measured,
    connect(outbox) {
      poke = () => outbox.poke()
    },
  }
}

/** The texts of all letters; a start on one that could not be sent, or would not say its code, stops instead. */
export function lettersOf({ mailTexts, mailLanguage, mailFrom }: Config): LetterTexts {
  const [, sender = ''] = /^\s*(.*?)\s*<[^<>]+>\s*$/.exec(mailFrom) ?? []
  const wanted = { folder: mailTexts, language: mailLanguage, sender: sender || 'Freddy' }
  const { texts, problems } = readLetterTexts(wanted)
  if (problems.length > 0) throw new ConfigError(problems)
  return texts
}
