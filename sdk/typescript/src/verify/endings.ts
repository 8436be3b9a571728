import { isYoung } from './is-young.ts'

/** A minute: who has not heard for longer does not know. */
const MOST_SILENCE_MS = 60_000
/** A stream says something every five seconds. */
const FOLLOWED_MS = 12_000
/** Longer than any token lives. */
const KEPT_MS = 90_000_000
/** Within it a session that a panic ended may come back. */
const UNDOABLE_MS = 600_000

/** One page of `GET /v1/auth/revocations`. */
export interface EndingsPage {
  readonly data: readonly { readonly id: string; readonly ended_at: string }[]
  readonly has_more: boolean
  readonly next: string
}

export type ReadEndings = (after: string | null) => Promise<EndingsPage>

interface Ending {
  readonly endedAt: string
  /** By our clock: of the server's we know nothing. */
  readonly toldAt: number
  isFinal: boolean
}

/**
 * What ended, as the server tells it. It listens when somebody asks and the last time is `intervalMs` ago, so there is no
 * clock to start, to stop or to be forgotten by an edge worker.
 */
export class Endings {
  readonly #read: ReadEndings
  readonly #clock: () => number
  readonly #intervalMs: number
  readonly #told = new Map<string, Ending>()
  #after: string | null = null
  #heardAt = Number.NEGATIVE_INFINITY
  #triedAt = Number.NEGATIVE_INFINITY
  #listening: Promise<void> | null = null
  #isFollowing = false

  constructor(read: ReadEndings, clock: () => number, intervalMs: number) {
    this.#read = read
    this.#clock = clock
    this.#intervalMs = intervalMs
  }

  /** Hears what is new; one call at a time, for however many ask. Throws when the server does not tell. */
  listen(): Promise<void> {
    this.#listening ??= this.#hear().finally(() => {
      this.#listening = null
    })
    return this.#listening
  }

  /** Hears pages as they come, each what follows on the one before, until they end. */
  async follow(pages: (after: string | null) => AsyncIterable<EndingsPage>): Promise<void> {
    try {
      for await (const page of pages(this.#after)) {
        this.#isFollowing = true
        this.#take(page, this.#clock())
      }
    } finally {
      this.#isFollowing = false
    }
  }

  /** Whether what is known here is young enough to be relied on. `note` hears why it was not renewed. */
  async isHeard(note: (problem: unknown) => void): Promise<boolean> {
    const now = this.#clock()
    const interval = this.#isFollowing ? FOLLOWED_MS : this.#intervalMs
    const isOld = !isYoung(now - this.#heardAt, interval)
    const mayTry = this.#listening !== null || !isYoung(now - this.#triedAt, this.#intervalMs)
    if (isOld && mayTry) await this.listen().catch(note)
    return isYoung(this.#clock() - this.#heardAt, MOST_SILENCE_MS)
  }

  isListed(id: string): boolean {
    return this.#told.has(id)
  }

  /** Whether it was told since then, so that what was answered before is old. */
  isNewsSince(id: string, moment: number): boolean {
    const ending = this.#told.get(id)
    return ending !== undefined && ending.toldAt >= moment
  }

  /** Whether it ended for good: nobody has to be asked about it again. */
  isFinal(id: string): boolean {
    return this.#told.get(id)?.isFinal === true
  }

  /** The server said that it does not live: past the time in which a panic is undone, that stays so. */
  confirm(id: string, askedAt: number): void {
    const ending = this.#told.get(id)
    if (ending && askedAt - ending.toldAt >= UNDOABLE_MS) ending.isFinal = true
  }

  async #hear(): Promise<void> {
    const began = this.#clock()
    this.#triedAt = began
    let page: EndingsPage
    do {
      page = await this.#read(this.#after)
      const leadsOn = typeof page.next === 'string' && !(page.has_more && page.next === this.#after)
      if (!leadsOn) throw new TypeError('The answer does not say what to ask next')
      this.#take(page, began)
    } while (page.has_more)
  }

  #take({ data, next, has_more }: EndingsPage, at: number): void {
    for (const { id, ended_at } of data) this.#note(id, ended_at)
    this.#after = next
    if (has_more) return
    this.#heardAt = at
    for (const [id, { toldAt }] of this.#told) if (toldAt < at - KEPT_MS) this.#told.delete(id)
  }

  /** The server tells its last minute again: that is no news. */
  #note(id: string, endedAt: string): void {
    if (this.#told.get(id)?.endedAt === endedAt) return
    this.#told.set(id, { endedAt, toldAt: this.#clock(), isFinal: false })
  }
}
