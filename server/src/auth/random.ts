import { randomFillSync } from 'node:crypto'

const pool = Buffer.alloc(4096)
/** The same bytes: filled by the engine itself, without a look at what to fill them with. */
const plain = new Uint8Array(pool.buffer, pool.byteOffset, pool.length)
let used = pool.length

/** Random bytes, taken from a pool: a call to the generator for each id costs more than the id. */
export function randomBytes(count: number): Buffer {
  const start = draw(count)
  const bytes = Buffer.from(pool.subarray(start, used))
  plain.fill(0, start, used)
  return bytes
}

/** 128 random bits behind a prefix that says what it names, e.g. `usr_` and 32 hex digits. */
export function randomId(prefix: string): string {
  return prefix + randomHex(16)
}

/**
 * The same for rows that come by the thousand: 48 bits of the moment, then 80 random ones. What is written one after the
 * other stands side by side in its index; wholly random, each row would be a page of its own to write.
 */
export function timedId(prefix: string, now: number): string {
  return prefix + now.toString(16).padStart(12, '0') + randomHex(10)
}

function randomHex(count: number): string {
  const start = draw(count)
  const text = pool.toString('hex', start, used)
  plain.fill(0, start, used)
  return text
}

/** Where the next bytes of the pool begin; they end at `used`, and who takes them leaves none behind. */
function draw(count: number): number {
  if (used + count > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  used += count
  return used - count
}
