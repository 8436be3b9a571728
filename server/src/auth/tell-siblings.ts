import type { Siblings } from '../processes/siblings.ts'
import type { Memory } from './memory.ts'

/**
 * The same memory, for what ends by this process: when something is forgotten the other processes of this server look for
 * changes at once, and not when it is their turn. One question at a time goes out, however much ends.
 */
export function tellSiblings(memory: Memory, siblings: Siblings): Memory {
  let isAsking = false
  let isMore = false
  const tell = async () => {
    isMore = true
    if (isAsking) return
    isAsking = true
    while (isMore) {
      isMore = false
      await siblings.ask('changed', null)
    }
    isAsking = false
  }
  const after =
    <Words extends unknown[]>(forget: (...words: Words) => void) =>
    (...words: Words) => {
      forget(...words)
      void tell()
    }
  const { sessions, keys, allowances } = memory
  return over(memory, {
    sessions: over(sessions, { forget: after(sessions.forget) }),
    keys: over(keys, { forgetWhere: after(keys.forgetWhere) }),
    allowances: over(allowances, { forget: after(allowances.forget) }),
    forgetPerson: after(memory.forgetPerson),
  })
}

/** The same thing but for this; what it counts it goes on counting. */
function over<Thing extends object>(thing: Thing, changes: Partial<Thing>): Thing {
  return Object.assign(Object.create(thing), changes)
}
