import { randomFillSync } from 'node:crypto'

const pool = Buffer.alloc(4096)
let used = pool.length

/** Random bytes, taken from a pool: a call to the generator for each id costs more than the id. */
export function randomBytes(count: number): Buffer {
  if (used + count > pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const bytes = Buffer.from(pool.subarray(used, used + count))
  pool.fill(0, used, used + count)
  used += count
  return bytes
}

/** 128 random bits behind a prefix that says what it names, e.g. `usr_` and 32 hex digits. */
export function randomId(prefix: string): string {
  return prefix + randomBytes(16).toString('hex')
}
