import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { runChecks } from './testing/checks.ts'
import { type Interruptions, interruptions } from './testing/interruptions.ts'
import { type Night, nights, roundsOf, soaks } from './testing/nights.ts'
import { startPostgres } from './testing/postgres.ts'
import { runTests } from './testing/run-tests.ts'
import { stage } from './testing/stage.ts'
import { Unprepared } from './testing/unprepared.ts'

/** A run of tests has forty. */
const MOST_MINUTES = 30
/** An exit code from which on a signal ended it. */
const BY_SIGNAL = 128

interface Outcome {
  readonly night: Night
  readonly code: number
  readonly minutes: number
}

/**
 * `npm run faults`, for the night: kills servers under load a thousand times, at moments that follow from a seed, then plays
 * each other fault at length. What is red does not end it; the last lines say what was played, and the seeds of what was red.
 * `-- --rounds 50 --seed word` plays kill rounds alone, `-- --scenes` the others alone, `-- soak --minutes 30` the soak alone.
 */
process.exitCode = await faults().catch(explain)

async function faults(): Promise<number> {
  const asked = readWords()
  const interrupted = interruptions()
  if ((await runChecks()) > 0) return 1
  const postgres = await stage('PostgreSQL', startPostgres)
  try {
    const outcomes: Outcome[] = []
    for (const night of asked) {
      const outcome = await play(night, postgres.url, interrupted)
      outcomes.push(outcome)
      if (outcome.code >= BY_SIGNAL) break
    }
    return conclude(asked, outcomes)
  } finally {
    await postgres.stop()
  }
}

async function play(night: Night, url: string, interrupted: Interruptions): Promise<Outcome> {
  const begun = performance.now()
  const env = { ...night.env, TEST_POSTGRES_URL: url, FAULT_SEED: night.seed }
  // Some take longer than any test may by day.
  const words = ['--test-timeout=2400000', ...night.words]
  const code = await runTests(words, env, interrupted)
  return { night, code, minutes: (performance.now() - begun) / 60_000 }
}

function conclude(asked: readonly Night[], outcomes: readonly Outcome[]): number {
  const red = outcomes.filter(({ code }) => code !== 0)
  const names = new Set(outcomes.map(({ night }) => night.name))
  console.log('')
  for (const name of names) console.log(lineOf(outcomes.filter(({ night }) => night.name === name)))
  for (const { night } of red) console.log(`RED: ${night.name}, FAULT_SEED=${night.seed}`)
  const left = asked.length - outcomes.length
  if (left > 0) console.log(`Interrupted: ${left} of ${asked.length} runs were not played.`)
  return red.length > 0 || left > 0 ? 1 : 0
}

function lineOf(outcomes: readonly Outcome[]): string {
  const [{ night } = { night: undefined }] = outcomes
  const rounds = outcomes.reduce((sum, each) => sum + each.night.rounds, 0)
  const minutes = outcomes.reduce((sum, each) => sum + each.minutes, 0)
  const red = outcomes.filter(({ code }) => code !== 0).length
  const played = rounds ? `${rounds} rounds in ${outcomes.length} runs` : `${outcomes.length} run`
  return `${night?.name.padEnd(40)} ${played.padEnd(28)} ${red ? `${red} red` : 'good'}  ${minutes.toFixed(1)} min`
}

function readWords(): readonly Night[] {
  const options = {
    rounds: { type: 'string' },
    seed: { type: 'string' },
    scenes: { type: 'boolean' },
    minutes: { type: 'string' },
  } as const
  const { values, positionals } = parseArgs({ options, allowPositionals: true })
  const seed = values.seed ?? randomBytes(4).toString('hex')
  if (positionals.length > 0) return soakOf(positionals, values.minutes ?? '30', seed)
  const rounds = Number(values.rounds ?? 1000)
  if (!Number.isSafeInteger(rounds) || rounds < 1) throw new Unprepared('--rounds takes a number')
  if (values.scenes) return nights(seed)
  const kills = roundsOf(rounds, seed)
  return values.rounds || values.seed ? kills : [...kills, ...nights(seed)]
}

function soakOf(words: readonly string[], said: string, seed: string): readonly Night[] {
  const minutes = Number(said)
  if (words.join() !== 'soak') throw new Unprepared('Only `soak` may be asked for')
  if (!(minutes > 0 && minutes <= MOST_MINUTES))
    throw new Unprepared(`--minutes takes 1 to ${MOST_MINUTES}`)
  return soaks(minutes, seed)
}

function explain(error: unknown): number {
  if (!(error instanceof Unprepared)) throw error
  console.error(error.message)
  return 1
}
