import type { IncomingMessage, ServerResponse } from 'node:http'
import { type ApiError, tooMany } from '../errors.ts'

/** Smaller ones weigh less than the sockets that they come by. */
const LEAST_BYTES = 1024 * 1024
/** So many of the largest bodies one person has under way; the next waits until one of them is answered. */
const MOST_LARGEST = 5
const AGAIN_MS = 1000

/** A large body that is held until its call is answered. */
export interface BodyInHand {
  /** It turned out to have so many bytes. */
  weighs(bytes: number): void
}

/**
 * The large bodies that calls of each person hold now. A model server may take minutes to answer, and a hundred bodies
 * of one caller were more than the machine has. It is about memory, so each process counts its own.
 */
export interface BodiesInHand {
  /** Null for a small one. Throws TOO_MANY_REQUESTS where it would be too much together. */
  take(who: string, request: IncomingMessage, response: ServerResponse): BodyInHand | null
}

export function createBodiesInHand(largestBytes: number): BodiesInHand {
  const held = new Map<string, number>()
  const add = (who: string, bytes: number) => {
    const together = (held.get(who) ?? 0) + bytes
    if (together > 0) held.set(who, together)
    else held.delete(who)
  }
  return {
    take(who, { headers }, response) {
      const length = headers['content-length']
      // One that does not say may be the largest until it is read.
      let mine = length === undefined ? largestBytes : Number(length)
      if (mine < LEAST_BYTES) return null
      if ((held.get(who) ?? 0) + mine > MOST_LARGEST * largestBytes) throw refusal()
      add(who, mine)
      const weighs = (bytes: number) => {
        add(who, bytes - mine)
        mine = bytes
      }
      response.once('close', () => weighs(0))
      return { weighs }
    },
  }
}

function refusal(): ApiError {
  return tooMany('TOO_MANY_REQUESTS', AGAIN_MS, {}, { limit: 'bodies' })
}
