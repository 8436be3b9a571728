import { randomUUID } from 'node:crypto'
import type { OutboxRow, OutboxStore } from '../store/outbox.ts'
import type { LetterTexts } from './letter-texts.ts'
import { type LetterFacts, type LetterName, letters } from './letters.ts'
import { MailDelayed, type Mailer, MailRefused } from './mailer.ts'

const CONCURRENCY = 4
const LEASE_MS = 60_000
const POLL_MS = 1000
/** Seconds before each new try; the last one goes on until the letter is over. */
const BACK_OFF = [1, 2, 5, 10, 20, 40, 60]

/** What a letter says at the moment it is sent, and to whom. */
export interface Composition {
  readonly to: string
  readonly facts: LetterFacts
  /** The language of whom it goes to, where one is known. */
  readonly language?: string | null
}

/** Whether a letter may go now, and what takes back that it was counted. */
export interface Turn {
  /** 0 when it may. */
  readonly waitMs: number
  giveBack(): Promise<void>
}

export interface OutboxParts {
  readonly store: OutboxStore
  readonly mailer: Mailer
  readonly texts: LetterTexts
  readonly now: () => number
  /** Null when the letter's reason is over: its challenge was used, or ended. */
  readonly compose: (row: OutboxRow) => Promise<Composition | null>
  /** A mail server will never take a letter for this recipient. */
  readonly refused: (row: OutboxRow) => Promise<void>
  /** Counts a letter before it leaves, or says how long it waits. */
  readonly takeTurn: (letter: string, composed: Composition) => Promise<Turn>
  readonly log: {
    warn(fields: { event: string; mailId: string; reason?: string; cause?: unknown }): void
  }
  /** Behind the `@` of message ids. */
  readonly domain: string
}

export interface Outbox {
  start(): void
  /** A letter was queued: look now. */
  poke(): void
  /** Sends everything that is due. */
  drain(): Promise<void>
  stop(): Promise<void>
}

/**
 * Sends what the business left in its transactions (security rule 10). A letter is leased to one worker; a worker that
 * died loses its lease, and another one repeats the mail under the same Message-ID.
 */
export function createOutbox(parts: OutboxParts): Outbox {
  const worker = randomUUID()
  let rounds = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  let stopped = false
  let wake = () => {}

  /**
   * Whatever is due, a few at once: a slow one takes up its own place, and no other. Where less was due than there is room for,
   * nobody looks again before they are asked to.
   */
  const drain = async () => {
    const underWay = new Set<Promise<void>>()
    let isAsked = true
    try {
      while (!stopped) {
        const woken = new Promise<void>((resolve) => (wake = resolve)).then(() => (isAsked = true))
        const room = isAsked ? CONCURRENCY - underWay.size : 0
        if (room > 0) isAsked = false
        const rows = room > 0 ? await parts.store.claim(parts.now(), worker, LEASE_MS, room) : []
        for (const row of rows) {
          const delivery = deliver(parts, worker, row)
            .catch((cause) => parts.log.warn({ event: 'outbox', mailId: row.id, cause }))
            .finally(() => underWay.delete(delivery))
          underWay.add(delivery)
        }
        if (underWay.size === 0) return
        if (room > 0 && rows.length === room) isAsked = true
        if (!isAsked || underWay.size === CONCURRENCY) await Promise.race([...underWay, woken])
      }
    } finally {
      await Promise.all(underWay)
    }
  }
  let queued: Promise<void> | null = null
  /** The round that is under way looks again, and one more comes behind it. */
  const inTurn = () => {
    wake()
    queued ??= rounds
      .then(() => {
        queued = null
        return drain()
      })
      .catch((cause) => parts.log.warn({ event: 'outbox', mailId: '', cause }))
    rounds = queued
    return queued
  }
  let poked = false
  return {
    start() {
      timer = setInterval(inTurn, POLL_MS).unref()
    },
    poke() {
      if (poked || !timer) return
      poked = true
      setImmediate(() => {
        poked = false
        void inTurn()
      })
    },
    drain: inTurn,
    async stop() {
      stopped = true
      clearInterval(timer)
      wake()
      await rounds
    },
  }
}

async function deliver(parts: OutboxParts, worker: string, row: OutboxRow): Promise<void> {
  const { store, compose, log } = parts
  const now = parts.now()
  try {
    const isLate = now >= row.expires_at
    if (isLate) log.warn({ event: 'mail.late', mailId: row.id })
    const composed = isLate ? null : await compose(row)
    if (!composed) return await store.markEnded(row.id, worker, now, 'it came too late')
    const wait = await post(parts, row, composed)
    if (wait === 0) return await store.markSent(row.id, worker, parts.now())
    const next = parts.now() + Math.max(wait, pauseAfter(row.tries))
    await store.markDelayed(row.id, worker, next, 'many letters at once: it waits its turn')
  } catch (cause) {
    if (cause instanceof MailRefused) {
      log.warn({ event: 'mail.refused', mailId: row.id, reason: cause.reason, cause })
      await store.markEnded(row.id, worker, now, cause.reason)
      if (cause.ofRecipient) await parts.refused(row)
      return
    }
    const reason = cause instanceof MailDelayed ? cause.reason : 'the mail could not be made'
    log.warn({ event: 'mail.delayed', mailId: row.id, reason, cause })
    await store.markDelayed(row.id, worker, parts.now() + pauseAfter(row.tries), reason)
  }
}

/** Sends it when it is its turn: 0. Else how long it waits; one that did not leave is not counted. */
async function post(parts: OutboxParts, row: OutboxRow, composed: Composition): Promise<number> {
  const { to, facts, language = null } = composed
  const words = parts.texts.render(nameOf(row), language, facts)
  const turn = await parts.takeTurn(row.letter, composed)
  if (turn.waitMs > 0) return turn.waitMs
  try {
    await parts.mailer.send({ messageId: `<${row.id}@${parts.domain}>`, to, ...words })
  } catch (cause) {
    await turn.giveBack()
    throw cause
  }
  return 0
}

const pauseAfter = (tries: number) => (BACK_OFF[tries - 1] ?? BACK_OFF.at(-1) ?? 60) * 1000

function nameOf(row: OutboxRow): LetterName {
  const name = letters.find((letter) => letter === row.letter)
  if (!name) throw new Error(`no letter is called ${row.letter}`)
  return name
}
