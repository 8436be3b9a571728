import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { runChecks } from './testing/checks.ts'
import { type Interruptions, interruptions } from './testing/interruptions.ts'
import { startPostgres } from './testing/postgres.ts'
import { runTests } from './testing/run-tests.ts'
import { stage } from './testing/stage.ts'
import { Unprepared } from './testing/unprepared.ts'

/** Rounds of one run, on each of two databases. */
const ROUNDS = 25
const DATABASES = 2

const MINUTES = 30
/** A run of tests has forty. */
const MOST_MINUTES = 35
const EVENING_MS = 10 * 60_000

/**
 * `npm run faults [-- --rounds 1000 --seed word]`: kills servers under load and while they migrate, so many times at
 * least, at moments that follow from the seed. Each run begins on empty databases; the first that finds something ends
 * it, and says its seed.
 * `npm run faults -- soak [--minutes 30]`: strangers and sockets for so long, on each database, and what a server
 * holds has to stay the same.
 */
process.exitCode = await faults().catch(explain)

async function faults(): Promise<number> {
  const { rounds, seed, minutes } = readWords()
  const interrupted = interruptions()
  if ((await runChecks()) > 0) return 1
  const postgres = await stage('PostgreSQL', startPostgres)
  try {
    if (minutes) return await soak(minutes, seed, postgres.url, interrupted)
    const words = [
      '--test-name-pattern=F1 to F4|F34: a migration that is killed',
      'server/test/faults.test.ts',
      'server/test/migrations.test.ts',
    ]
    let done = 0
    for (; done < rounds; done += ROUNDS * DATABASES) {
      const env = { TEST_POSTGRES_URL: postgres.url, FAULT_ROUNDS: String(ROUNDS) }
      const code = await runTests(words, { ...env, FAULT_SEED: `${seed}-${done}` }, interrupted)
      if (code !== 0) return code
    }
    console.log(`\n${done} rounds from seed ${seed}: nothing was lost.`)
    return 0
  } finally {
    await postgres.stop()
  }
}

async function soak(
  minutes: number,
  seed: string,
  url: string,
  interrupted: Interruptions,
): Promise<number> {
  const env = { TEST_POSTGRES_URL: url, SOAK_MINUTES: String(minutes), FAULT_SEED: seed }
  const limit = `--test-timeout=${minutes * 60_000 + EVENING_MS}`
  for (const database of ['SQLite', 'PostgreSQL']) {
    const words = [limit, `--test-name-pattern=${database}`, 'server/test/soak.test.ts']
    const code = await runTests(words, env, interrupted)
    if (code !== 0) return code
  }
  return 0
}

function readWords(): { rounds: number; seed: string; minutes: number | null } {
  const options = {
    rounds: { type: 'string' },
    seed: { type: 'string' },
    minutes: { type: 'string' },
  } as const
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  const isSoak = positionals[0] === 'soak'
  if (positionals.length > (isSoak ? 1 : 0)) throw new Unprepared('Only `soak` may be asked for')
  const minutes = isSoak ? Number(values.minutes ?? MINUTES) : null
  if (minutes !== null && !(minutes > 0 && minutes <= MOST_MINUTES)) {
    throw new Unprepared(`--minutes takes 1 to ${MOST_MINUTES}`)
  }
  const rounds = Number(values.rounds ?? 1000)
  if (!Number.isSafeInteger(rounds) || rounds < 1) throw new Unprepared('--rounds takes a number')
  return { rounds, minutes, seed: values.seed ?? randomBytes(4).toString('hex') }
}

function explain(error: unknown): number {
  if (!(error instanceof Unprepared)) throw error
  console.error(error.message)
  return 1
}
