import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { root } from '../scripts/testing/root.ts'
import { stage } from '../scripts/testing/stage.ts'
import { databases } from './frame/databases.ts'
import { keepResults } from './frame/keep.ts'
import type { Result } from './frame/result.ts'
import { scenarios } from './scenarios/all.ts'

/**
 * `npm run bench`: everything that is compared, into results/. `npm run bench -- NAME…`: some of it, or one of the
 * measurements that stand by themselves in this folder and print what they find.
 */
const alone = readdirSync(new URL('./', import.meta.url))
  .filter((name) => name.endsWith('.ts') && name !== 'run.ts')
  .map((name) => name.slice(0, -3))
const wished = () =>
  parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '3' },
      seconds: { type: 'string', default: '1.5' },
      /** Sizes of growth, with commas between. */
      sessions: { type: 'string' },
      'without-peers': { type: 'boolean', default: false },
      /** Where results go; those of a slow disk have a folder of their own. */
      into: {
        type: 'string',
        default: join(root, 'bench', 'results', process.env.BENCH_SLOW_DISK ? 'slow-disk' : ''),
      },
    },
  })

const [first = ''] = process.argv.slice(2)
if (alone.includes(first)) await import(`./${first}.ts`)
else process.exitCode = await measure()

async function measure(): Promise<number> {
  const { positionals, values } = wished()
  const others = values.sessions?.split(',').map(Number)
  const wants = ({ isPeer }: { isPeer?: true }) => !isPeer || !values['without-peers']
  const all = scenarios({ wants, ...(others ? { others } : {}) })
  const names = all.map(({ name }) => name)
  if (positionals.some((name) => !names.includes(name))) {
    process.stderr.write(
      `Usage: npm run bench -- [${[...names, ...alone].join('|')}]… [--rounds=3] `,
    )
    process.stderr.write(
      '[--seconds=1.5] [--sessions=10000,1000000] [--without-peers] [--into=folder]\n',
    )
    return 2
  }
  const chosen = all.filter(({ name }) => positionals.length === 0 || positionals.includes(name))
  const places = databases()
  const setting = { postgres: () => places.fresh(), share: 1 }
  const pace = { rounds: Number(values.rounds), seconds: Number(values.seconds), warmUpSeconds: 2 }
  const found: Result[] = []
  let failed = 0
  try {
    for (const { name, measure } of chosen) {
      await stage(name, async () => found.push(await measure(setting, pace))).catch((cause) => {
        console.error(cause instanceof Error ? cause.message.slice(0, 2000) : cause)
        failed += 1
      })
      keepResults(values.into, found, names)
    }
  } finally {
    await places.stop()
  }
  console.error(`\nTables, plots and raw results: ${values.into}`)
  return failed ? 1 : 0
}
