import { runChecks } from './testing/checks.ts'
import { prepareChromium } from './testing/chromium.ts'
import { interruptions } from './testing/interruptions.ts'
import { prepareNodes } from './testing/nodes.ts'
import { ownFolder } from './testing/own-folder.ts'
import { startPostgres } from './testing/postgres.ts'
import { preparePython } from './testing/python.ts'
import { runTests } from './testing/run-tests.ts'
import { prepareSceneDatabases } from './testing/scene-databases.ts'
import { stage } from './testing/stage.ts'
import { Unprepared } from './testing/unprepared.ts'

/**
 * `npm test`: the checks, then what the tests need around them, then the tests. Some tests go without the checks.
 * Arguments go to `node --test`; options are written `--name=value`, all else is a file.
 */
process.exitCode = await test(process.argv.slice(2)).catch(explain)

async function test(args: readonly string[]): Promise<number> {
  const interrupted = interruptions()
  ownFolder()
  const checks = args.length === 0 ? runChecks() : 0
  const [failed, nodes, packages] = await Promise.all([
    checks,
    stage('Node', prepareNodes),
    preparePackages(),
  ])
  if (failed > 0) return 1
  const postgres = await stage('PostgreSQL', startPostgres)
  try {
    const env = {
      ...(await prepareSceneDatabases(postgres)),
      TEST_POSTGRES_URL: postgres.url,
      ...packages,
      TEST_NODES: nodes,
    }
    return await runTests(args, env, interrupted)
  } finally {
    await postgres.stop()
  }
}

/** What Debian's packages may be missing for: one after the other, as apt works. */
async function preparePackages() {
  return {
    TEST_PYTHONPATH: await stage('python', preparePython),
    TEST_CHROMIUM: await stage('Chromium', prepareChromium),
  }
}

function explain(error: unknown): number {
  if (!(error instanceof Unprepared)) throw error
  console.error(error.message)
  return 1
}
