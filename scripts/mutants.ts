import { mutants } from '../mutants/all.ts'
import type { Mutant } from '../mutants/mutant.ts'
import { interruptions } from './testing/interruptions.ts'
import { type Bench, openBench, type Verdict } from './testing/mutant-bench.ts'
import { startPostgres } from './testing/postgres.ts'
import { stage } from './testing/stage.ts'
import { Unprepared } from './testing/unprepared.ts'

const WORKERS = 2

/**
 * `npm run mutants [-- --only=word]`: takes away one defence after the other and asks its tests.
 * A defence whose loss nobody notices has no test, whatever the coverage says.
 */
process.exitCode = await main(process.argv.slice(2)).catch(explain)

async function main(args: readonly string[]): Promise<number> {
  interruptions()
  const chosen = choose(args)
  const postgres = await stage('PostgreSQL', startPostgres)
  const env = { ...process.env, TEST_POSTGRES_URL: postgres.url }
  const benches = Array.from({ length: WORKERS }, () => openBench(env))
  try {
    await stage('genuine', () => requirePassing(benches, chosen))
    return conclude(await tryAll(benches, chosen))
  } finally {
    for (const bench of benches) bench.close()
    await postgres.stop()
  }
}

function choose(args: readonly string[]): readonly Mutant[] {
  const words = args.map((arg) => {
    const [, word] = /^--only=(.+)$/.exec(arg) ?? []
    if (!word) throw new Unprepared(`npm run mutants [-- --only=word]; not: ${arg}`)
    return word.toLowerCase()
  })
  const chosen = mutants.filter(({ name, file, tests }) =>
    words.every((word) => `${name} ${file} ${tests}`.toLowerCase().includes(word)),
  )
  if (chosen.length === 0) throw new Unprepared('No mutant is called so.')
  return chosen
}

/** A test that fails anyway notices nothing. */
async function requirePassing(benches: readonly Bench[], chosen: readonly Mutant[]): Promise<void> {
  const files = [...new Set(chosen.map(({ tests }) => tests))]
  await share(benches, files, async (bench, file) => {
    const rows = chosen.filter(({ tests }) => tests === file)
    const names = [...new Set(rows.map(({ named }) => named))]
    const { passed, failed, broken } = await bench.test(file, names)
    const trouble = failed ?? broken
    if (trouble) throw new Unprepared(`${file} fails with all defences in place: ${trouble}`)
    const absent = names.find((name) => !passed.some((test) => test.includes(name)))
    if (absent) throw new Unprepared(`${file} has no test called "${absent}"`)
  })
}

async function tryAll(benches: readonly Bench[], chosen: readonly Mutant[]): Promise<Verdict[]> {
  const verdicts: Verdict[] = []
  await share(benches, chosen, async (bench, mutant) => {
    const verdict = await bench.try(mutant)
    verdicts.push(verdict)
    console.log(lineOf(verdict))
  })
  return verdicts
}

function lineOf({ mutant, outcome, by, seconds }: Verdict): string {
  const verdict = outcome === 'noticed' ? '' : `${outcome.toUpperCase()}: `
  const told = `${verdict}${by}`.slice(0, 90)
  return `${mutant.name.slice(0, 70).padEnd(71)} ${told.padEnd(91)}${seconds.toFixed(1).padStart(6)} s`
}

function conclude(verdicts: readonly Verdict[]): number {
  const count = (outcome: Verdict['outcome']) =>
    verdicts.filter((verdict) => verdict.outcome === outcome).length
  const misfits = count('did not apply')
  const rest = misfits ? `, ${misfits} did not apply` : ''
  console.log(`${count('noticed')} noticed, ${count('survived')} survived${rest}`)
  return count('noticed') === verdicts.length ? 0 : 1
}

/** Every worker takes the next one as it becomes free. */
async function share<Worker, Item>(
  workers: readonly Worker[],
  items: readonly Item[],
  work: (worker: Worker, item: Item) => Promise<void>,
): Promise<void> {
  const left = items.values()
  await Promise.all(
    workers.map(async (worker) => {
      for (const item of left) await work(worker, item)
    }),
  )
}

function explain(error: unknown): number {
  if (!(error instanceof Unprepared)) throw error
  console.error(error.message)
  return 1
}
