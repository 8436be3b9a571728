import type { LimitTable } from '../limits.ts'
import { type Limiter, type Ruling, unlimited } from './limiter.ts'

/** Asks who counts for all processes of this server. */
type Ask = (words: ['take' | 'look', ...Parameters<Limiter['take']>]) => Promise<unknown>

/** Traffic limits of all processes of one server, counted in its primary with the arithmetic of limiter.ts. */
export function createAskingLimiter(table: LimitTable, ask: Ask): Limiter {
  const count =
    (how: 'take' | 'look'): Limiter['take'] =>
    async (name, of, now, room = {}) => {
      if (table[name].length === 0 && !room.own?.length) return unlimited
      const ruling = (await ask([how, name, of, now, room])) as Ruling | null
      // The primary is gone, and this process is about to end.
      if (!ruling) throw new Error('nobody counts traffic')
      return ruling
    }
  return { take: count('take'), look: count('look'), standing: () => 'only', async close() {} }
}
