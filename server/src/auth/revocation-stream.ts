import type { Call } from '../context.ts'
import { tooMany } from '../errors.ts'
import { requireStillAllowed } from './principal.ts'
import { type RevocationsPage, readRevocations, signRevocations } from './revocation-pages.ts'

/** A page without news says that there is none: who hears nothing for long knows nothing. */
const BEAT_MS = 5000
/** Changes within this time are one page. */
const GATHER_MS = 50
const MOST_STREAMS = 500
const MOST_OF_ONE = 5
const AGAIN_MS = 5000

/** Who is told of what ends as it ends, and when to look. */
export interface RevocationStreams {
  /** Something changed somewhere. */
  wake(): void
  /** Takes a place, or null when there is none; to be left. */
  enter(who: string): (() => void) | null
  /** Resolves when something changed, after a beat, or at the end. */
  wait(left: AbortSignal): Promise<'change' | 'beat' | 'over'>
  /** One look for all who were woken by the same change, and who had not heard of less than the one who looks. */
  share(after: string, read: () => Promise<RevocationsPage>): Promise<RevocationsPage>
  stop(): void
}

export function createRevocationStreams(): RevocationStreams {
  const places = new Map<string, number>()
  const waiting = new Set<() => void>()
  const end = new AbortController()
  let open = 0
  let gathering: NodeJS.Timeout | undefined
  let shared: { since: number; page: Promise<RevocationsPage> } | undefined
  const tell = () => {
    gathering = undefined
    shared = undefined
    for (const hear of [...waiting]) hear()
  }
  return {
    wake() {
      if (waiting.size > 0) gathering ??= setTimeout(tell, GATHER_MS).unref()
    },
    enter(who) {
      const theirs = places.get(who) ?? 0
      if (end.signal.aborted || open >= MOST_STREAMS || theirs >= MOST_OF_ONE) return null
      open += 1
      places.set(who, theirs + 1)
      let isHere = true
      return () => {
        if (!isHere) return
        isHere = false
        open -= 1
        const rest = (places.get(who) ?? 1) - 1
        if (rest > 0) places.set(who, rest)
        else places.delete(who)
      }
    },
    wait(left) {
      return new Promise((resolve) => {
        const ends = [left, end.signal]
        if (ends.some((signal) => signal.aborted)) return resolve('over')
        const become = (word: 'change' | 'beat' | 'over') => {
          clearTimeout(timer)
          waiting.delete(changed)
          for (const signal of ends) signal.removeEventListener('abort', over)
          resolve(word)
        }
        const changed = () => become('change')
        const over = () => become('over')
        const timer = setTimeout(() => become('beat'), BEAT_MS).unref()
        waiting.add(changed)
        for (const signal of ends) signal.addEventListener('abort', over)
      })
    },
    share(after, read) {
      const since = Number.parseInt(after, 10)
      if (shared && shared.since <= since) return shared.page
      const page = read().finally(() => {
        if (shared === mine) shared = undefined
      })
      const mine = { since, page }
      shared = mine
      return page
    },
    stop() {
      clearTimeout(gathering)
      end.abort()
    },
  }
}

/** Events, each a page: all that ended from the cursor on, then what ends, and every five seconds that nothing did. */
export function followRevocations(
  call: Call<unknown, unknown, unknown>,
  after: string | undefined,
): AsyncIterable<string> {
  const { app, carried, principal } = call
  const who = principal?.kind === 'key-holder' ? principal.keyId : (principal?.userId ?? '')
  const leave = app.revocationStreams.enter(who)
  if (!leave) throw tooMany('TOO_MANY_REQUESTS', AGAIN_MS)
  carried.left().addEventListener('abort', leave)
  return untilOver(call, after, leave)
}

async function* untilOver(
  call: Call<unknown, unknown, unknown>,
  after: string | undefined,
  leave: () => void,
): AsyncGenerator<string> {
  try {
    yield* pages(call, after)
  } catch (cause) {
    call.app.log.info({ event: 'revocations.stream', cause })
  } finally {
    leave()
  }
}

async function* pages(
  call: Call<unknown, unknown, unknown>,
  from: string | undefined,
): AsyncGenerator<string> {
  const { app, carried } = call
  let after = from
  let told = new Set<string>()
  const say = (page: RevocationsPage) => {
    const news = { ...page, data: page.data.filter((row) => !told.has(nameOf(row))) }
    // The last minute is told again by each look, and here once.
    told = new Set(page.data.map(nameOf))
    const text = signRevocations(app, news, after ?? null, app.now()) ?? JSON.stringify(news)
    after = page.next
    return { isNews: news.data.length > 0, text: `id: ${page.next}\ndata: ${text}\n\n` }
  }
  const untilLast = async function* (): AsyncGenerator<string> {
    for (let hasMore = true; hasMore; ) {
      const page = await readRevocations(app, after, app.now())
      yield say(page).text
      hasMore = page.has_more
    }
  }
  yield* untilLast()
  for (;;) {
    const word = await app.revocationStreams.wait(carried.left())
    if (word === 'over') return
    if (word === 'beat') await requireStillAllowed(call, app.now())
    // Who does not hear of changes says nothing, and whoever hears nothing for long takes nobody's word.
    if (!app.feed.standing(app.now()).lives) continue
    const look = () => readRevocations(app, after, app.now())
    const page = await app.revocationStreams.share(after ?? '0_', look)
    const { isNews, text } = say(page)
    if (isNews || word === 'beat') yield text
    if (isNews && page.data.some(({ id }) => isOf(call, id))) {
      await requireStillAllowed(call, app.now())
    }
    if (page.has_more) yield* untilLast()
  }
}

/** Whether it is the credential of who follows. */
function isOf({ principal }: Call<unknown, unknown, unknown>, id: string): boolean {
  if (principal?.kind === 'key-holder') return principal.keyId === id
  return principal?.sessionId === id
}

const nameOf = ({ id, ended_at }: RevocationsPage['data'][number]) => `${id} ${ended_at}`
