import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { runChecks } from './testing/checks.ts'
import { interruptions } from './testing/interruptions.ts'
import { startPostgres } from './testing/postgres.ts'
import { runTests } from './testing/run-tests.ts'
import { stage } from './testing/stage.ts'
import { Unprepared } from './testing/unprepared.ts'

/** Rounds of one run, on each of two databases. */
const ROUNDS = 25
const DATABASES = 2

/**
 * `npm run faults [-- --rounds 1000 --seed word]`: kills servers under load, so many times at least, at moments that
 * follow from the seed. Each run begins on empty databases; the first that finds something ends it, and says its seed.
 */
process.exitCode = await faults().catch(explain)

async function faults(): Promise<number> {
  const { rounds, seed } = readWords()
  const interrupted = interruptions()
  if ((await runChecks()) > 0) return 1
  const postgres = await stage('PostgreSQL', startPostgres)
  try {
    const words = ['--test-name-pattern=F1 to F4', 'server/test/faults.test.ts']
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

function readWords(): { rounds: number; seed: string } {
  const options = { rounds: { type: 'string' }, seed: { type: 'string' } } as const
  const { values } = parseArgs({ options })
  const rounds = Number(values.rounds ?? 1000)
  if (!Number.isSafeInteger(rounds) || rounds < 1) throw new Unprepared('--rounds takes a number')
  return { rounds, seed: values.seed ?? randomBytes(4).toString('hex') }
}

function explain(error: unknown): number {
  if (!(error instanceof Unprepared)) throw error
  console.error(error.message)
  return 1
}
