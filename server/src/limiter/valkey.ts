import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { setTimeout as wait } from 'node:timers/promises'
import { type CommandParser, createClient, defineScript } from '@redis/client'
import { type Bucket, type LimitName, type LimitTable, ownLimits } from '../limits.ts'
import {
  cost,
  createLimiter,
  describe,
  fit,
  type Limiter,
  quotedOf,
  type Room,
  type Ruling,
  unlimited,
} from './limiter.ts'

/** How long a start waits to be connected: it does not depend on it. */
const FIRST_MS = 1000
const CONNECT_MS = 1000
const RECONNECT_MS = 500
/** How often this node says that it is there, and while it is alone asks whether the other side is back. */
const BEAT_MS = 1000
/** A connection on which nothing moved for so long is given up, and made anew. */
const SILENCE_MS = 5000
/** While it is alone a node lets pass so many times the limit of who has proven who they are. */
const OWN_TIMES = 2

export interface SharedParts {
  readonly url: string
  /** How long a call waits for the shared count before it is counted here. */
  readonly timeoutMs: number
  readonly table: LimitTable
  /** The name under which a row is kept: who reads the cache learns no address and no key. */
  readonly nameOf: (text: string) => string
  readonly log: { warn(fields: { event: string; cause?: unknown }): void }
}

/** Where a call is counted: by all nodes together, or by each alone. */
interface Link {
  readonly client: Client
  isShared: boolean
  nodes: number
}

/**
 * Traffic limits of all nodes together in Valkey or Redis: one script and one round trip a row. When it is lost each
 * node counts alone, at once and until it is back; what protects a person never was here (table C1).
 */
export async function openSharedLimiter(parts: SharedParts): Promise<Limiter> {
  const local = createLimiter(parts.table)
  const link: Link = { client: connect(parts), isShared: false, nodes: 1 }
  const beat = createBeat(parts, link)
  await Promise.race([link.client.connect().then(beat), wait(FIRST_MS)]).catch(() => {})
  const timer = setInterval(beat, BEAT_MS).unref()

  const count = async (
    how: 'take' | 'look',
    ...[name, of, now, room = {}]: Parameters<Limiter['take']>
  ): Promise<Ruling> => {
    const buckets = fit(parts.table[name], room)
    const quoted = quotedOf(buckets, room)
    const bucket = buckets[quoted]
    if (!bucket) return unlimited
    if (!link.isShared) return local[how](name, of, now, roomAlone(name, room, link.nodes))
    try {
      const key = `freddy:limit:${parts.nameOf(`${name} ${of}`)}`
      const asked = link.client.spend(key, how, quoted, buckets)
      const [waitMs, resetMs] = await within(parts.timeoutMs, asked)
      return describe(bucket, now + Number(resetMs), now, Math.ceil(Number(waitMs)))
    } catch (cause) {
      lose(parts, link, cause)
      return local[how](name, of, now, roomAlone(name, room, link.nodes))
    }
  }
  return {
    take: (...asked) => count('take', ...asked),
    look: (...asked) => count('look', ...asked),
    standing: () => (link.isShared ? 'shared' : 'alone'),
    async close() {
      clearInterval(timer)
      link.client.destroy()
    },
  }
}

/** Strangers have their part of the limit, who has proven who they are twice of it: honest people go on, and no flood does. */
function roomAlone(name: LimitName, room: Room, nodes: number): Room {
  return { ...room, times: (room.times ?? 1) * (ownLimits.has(name) ? OWN_TIMES : 1 / nodes) }
}

/** One at a time: one that hangs is not joined by others. */
function createBeat(parts: SharedParts, link: Link): () => Promise<void> {
  const node = randomUUID()
  const key = `freddy:nodes:${parts.nameOf('nodes')}`
  let isAsking = false
  return async () => {
    if (isAsking) return
    isAsking = true
    try {
      const asked = link.client.countNode(key, node)
      link.nodes = Math.max(
        1,
        await within(parts.timeoutMs, asked).catch(lateBy(parts, link, asked)),
      )
      if (!link.isShared) parts.log.warn({ event: 'limits.shared' })
      link.isShared = true
    } catch (cause) {
      lose(parts, link, cause)
    }
    isAsking = false
  }
}

/** What was late is told, and then waited for: its answer says that the other side is back. */
const lateBy = (parts: SharedParts, link: Link, asked: Promise<number>) => (cause: unknown) => {
  lose(parts, link, cause)
  return asked
}

function lose({ log }: SharedParts, link: Link, cause: unknown): void {
  if (link.isShared) log.warn({ event: 'limits.alone', cause })
  link.isShared = false
}

type Client = ReturnType<typeof connect>

function connect({ url }: SharedParts) {
  const client = createClient({
    url,
    disableOfflineQueue: true,
    disableClientInfo: true,
    scripts: { spend, countNode },
    socket: {
      connectTimeout: CONNECT_MS,
      reconnectStrategy: RECONNECT_MS,
      socketTimeout: SILENCE_MS,
    },
  })
  // Whoever asks next hears of it.
  client.on('error', () => {})
  return client
}

const script = (name: string) => readFileSync(new URL(`./${name}.lua`, import.meta.url), 'utf8')

const spend = defineScript({
  SCRIPT: script('spend'),
  NUMBER_OF_KEYS: 1,
  parseCommand(
    parser: CommandParser,
    key: string,
    how: 'take' | 'look',
    quoted: number,
    buckets: readonly Bucket[],
  ) {
    parser.pushKey(key)
    const numbers = buckets.flatMap((bucket) => [cost(bucket), bucket.burst])
    parser.push(how, ...[quoted, ...numbers].map(String))
  },
  transformReply: undefined as unknown as () => [string, string],
})

const countNode = defineScript({
  SCRIPT: script('count-node'),
  NUMBER_OF_KEYS: 1,
  parseCommand(parser: CommandParser, key: string, node: string) {
    parser.pushKey(key)
    parser.push(node)
  },
  transformReply: undefined as unknown as () => number,
})

/** An answer that lies in the socket already is taken: then it was this process that was busy. */
async function within<T>(ms: number, asked: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    const give = () => reject(new Error(`no answer within ${ms} ms`))
    timer = setTimeout(() => setImmediate(give), ms)
  })
  try {
    return await Promise.race([asked, late])
  } finally {
    clearTimeout(timer)
    asked.catch(() => {})
  }
}
