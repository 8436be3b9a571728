import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApp, type Running } from '../server/src/app.ts'
import { sealForeignHash } from '../server/src/auth/foreign-password.ts'
import { hashPassword } from '../server/src/auth/password.ts'
import { randomId } from '../server/src/auth/random.ts'
import { readConfig } from '../server/src/config.ts'
import { createLog } from '../server/src/log.ts'

/**
 * Can a name that nobody has be told from one that somebody has by how long a wrong password takes? Both are asked
 * for in turn, each from a source of its own. AUC 0.5: not at all; 1: always. With `imported` behind, every second
 * person has a bcrypt hash of another server still.
 */
const areImported = process.argv.includes('imported')
const BCRYPT = '$2a$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy'
const EACH = 1000
const PEOPLE = 400
const WARM_UP = 50
/** Past the pause that an account's budget asks for after its first ten wrong passwords. */
const BETWEEN_MS = 31_000

let now = Date.UTC(2026, 10, 23, 12)
let asked = 0
const dataDir = mkdtempSync(join(tmpdir(), 'freddy-bench-'))
const config = readConfig({ DATA_DIR: dataDir, HASH_THREADS: '1' })
const running = await createApp(config, { now: () => now, log: createLog('error') })
try {
  const people = await makePeople(running)
  const known: number[] = []
  const unknown: number[] = []
  for (let round = -WARM_UP; round < EACH; round++) {
    const somebody = people[Math.abs(round) % people.length] ?? ''
    const nobody = `${somebody.split('@')[0]}-${String(round + WARM_UP).padStart(4, '0')}@example.com`
    const turns = [
      [somebody, known],
      [nobody, unknown],
    ] as const
    for (const [name, times] of round % 2 ? turns : turns.toReversed()) {
      const took = await timeRefusal(running, name)
      if (round >= 0) times.push(took)
    }
    now += BETWEEN_MS
  }
  report(known, unknown)
} finally {
  await running.close()
  rmSync(dataDir, { recursive: true, force: true })
}

async function makePeople({ app }: Running): Promise<string[]> {
  const password_hash = await hashPassword(app, 'correct horse battery staple')
  const people = Array.from({ length: PEOPLE }, (_, index) => `person${index}-mail@example.com`)
  for (const [index, address] of people.entries()) {
    await app.store.users.create({
      id: randomId('usr_'),
      address,
      user_name: `person${index}`,
      full_name: null,
      password_hash: areImported && index % 2 ? sealForeignHash(app, BCRYPT) : password_hash,
      created_at: now,
      updated_at: now,
      last_login_at: null,
      disabled_at: null,
    })
  }
  return people
}

/** Milliseconds from the request to its 401. */
async function timeRefusal({ http }: Running, name: string): Promise<number> {
  asked += 1
  const body = JSON.stringify({ email_or_username: name, password: 'this is not the password' })
  const begun = performance.now()
  const answer = await http.inject({
    method: 'POST',
    url: '/v1/auth/login',
    remoteAddress: `127.${asked >> 16}.${(asked >> 8) & 255}.${asked & 255}`,
    headers: { host: 'localhost', 'content-type': 'application/json' },
    payload: body,
  })
  const took = performance.now() - begun
  if (answer.statusCode !== 401) throw new Error(`${answer.statusCode} instead of 401`)
  return took
}

function report(known: readonly number[], unknown: readonly number[]): void {
  const medians = [medianOf(known), medianOf(unknown)] as const
  const apart = Math.abs(medians[0] / medians[1] - 1)
  const lines = [
    `requests a side   ${EACH}`,
    `median, a name that somebody has   ${medians[0].toFixed(2)} ms`,
    `median, a name that nobody has     ${medians[1].toFixed(2)} ms`,
    `medians apart     ${(apart * 100).toFixed(1)} %`,
    `AUC               ${aucOf(known, unknown).toFixed(3)}`,
  ]
  process.stdout.write(`${lines.join('\n')}\n`)
}

function medianOf(times: readonly number[]): number {
  return times.toSorted((one, other) => one - other)[Math.floor(times.length / 2)] ?? 0
}

/** The chance that of a pair the slower one is told rightly, whichever side is the slower. */
function aucOf(one: readonly number[], other: readonly number[]): number {
  let above = 0
  for (const left of one) for (const right of other) above += left > right ? 1 : 0
  const share = above / (one.length * other.length)
  return Math.max(share, 1 - share)
}
