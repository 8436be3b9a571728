import { constants } from 'node:os'
import { runChecks } from './testing/checks.ts'
import { startPostgres } from './testing/postgres.ts'
import { preparePython } from './testing/python.ts'
import { runTests } from './testing/run-tests.ts'
import { stage } from './testing/stage.ts'
import { Unprepared } from './testing/unprepared.ts'

/**
 * `npm test`: the checks, then what the tests need around them, then the tests.
 * Arguments go to `node --test`; options are written `--name=value`, all else is a file.
 */
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  // Ending by exit() and not by the signal lets the 'exit' listeners clean up.
  process.on(signal, () => process.exit(128 + constants.signals[signal]))
}
process.exitCode = await test(process.argv.slice(2)).catch(explain)

async function test(args: readonly string[]): Promise<number> {
  const problems = await runChecks()
  if (problems > 0) return 1
  const pythonPath = await stage('python', preparePython)
  const postgres = await stage('PostgreSQL', startPostgres)
  try {
    return await runTests(args, { TEST_POSTGRES_URL: postgres.url, TEST_PYTHONPATH: pythonPath })
  } finally {
    await postgres.stop()
  }
}

function explain(error: unknown): number {
  if (!(error instanceof Unprepared)) throw error
  console.error(error.message)
  return 1
}
