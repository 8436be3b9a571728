import { setTimeout as wait } from 'node:timers/promises'
import { createLimiter, type Limiter } from '../limiter/limiter.ts'
import type { LimitTable } from '../limits.ts'
import type { Together, Told } from '../metrics/together.ts'
import { countSocket, type SocketsOf } from './count-sockets.ts'
import type { Line } from './line.ts'

/** Whoever does not answer the others for so long is left out. */
const PATIENCE_MS = 2000

/** One process, as the primary knows it. */
export interface Member {
  readonly line: Line
  readonly sockets: SocketsOf
  /** What it had measured when it was last asked. */
  told: Told | null
}

/** What the primary keeps for all processes, and what it passes on between them. */
export interface Switchboard {
  join(member: Member): void
  answer(member: Member, topic: string, words: unknown): unknown
  leave(member: Member): void
}

export function createSwitchboard(table: LimitTable): Switchboard {
  const members = new Set<Member>()
  const limiter = createLimiter(table)
  const sockets: SocketsOf = new Map()
  let together: Together | null = null

  const answers: Record<string, (member: Member, words: unknown) => unknown> = {
    limits: (_member, words) => countCall(limiter, words),
    sockets: ({ sockets: own }, words) => countSocket([sockets, own], words),
    async metrics() {
      together ??= (await import('../metrics/together.ts')).createTogether()
      const all = await Promise.all([...members].map(listen))
      return together.read(all.filter((told) => told !== null))
    },
  }
  return {
    join: (member) => void members.add(member),
    answer(member, topic, words) {
      const own = answers[topic]
      if (own) return own(member, words)
      const others = [...members].filter((each) => each !== member)
      return Promise.all(others.map(({ line }) => within(line.ask(topic, words))))
    },
    leave(member) {
      if (!members.delete(member)) return
      member.line.end()
      for (const [source, count] of member.sockets) countSocket([sockets], [source, -count])
      if (member.told) void together?.keep(member.told)
    },
  }
}

/** What a process has measured; what it last told, when it is too busy to say. */
async function listen(member: Member): Promise<Told | null> {
  const told = await within(member.line.ask('metrics', null))
  if (told) member.told = told as Told
  return member.told
}

function countCall(limiter: Limiter, words: unknown) {
  const [how, ...asked] = words as ['take' | 'look', ...Parameters<Limiter['take']>]
  return limiter[how](...asked)
}

async function within(asked: Promise<unknown>): Promise<unknown> {
  const over = new AbortController()
  const late = wait(PATIENCE_MS, null, { signal: over.signal, ref: false }).catch(() => null)
  const answer = await Promise.race([asked, late])
  over.abort()
  return answer
}
