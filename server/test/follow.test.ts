import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import type { TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { allowed } from '../src/auth/audit.ts'
import { childEnv } from './child-env.ts'
import { type Freddy, SECRET, scene } from './freddy.ts'

const cli = fileURLToPath(new URL('../src/cli.ts', import.meta.url))
const origin = { address: '', source: '192.0.2.1', network: null, agent: '' }

/** A shell that goes on; what it says, line by line. */
function start({ running }: Freddy, context: TestContext, words: readonly string[]) {
  const { databaseUrl, dataDir } = running.app.config
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', cli, ...words], {
    env: {
      ...childEnv(),
      SECRET_KEY: SECRET,
      HASH_THREADS: '1',
      DATA_DIR: dataDir,
      ...(databaseUrl ? { DATABASE_URL: databaseUrl } : {}),
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  context.after(() => child.kill('SIGKILL'))
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
  const next = async () => String((await lines.next()).value)
  return { child, next }
}

const record = ({ running, now }: Freddy, name: string, userId: string | null = null) =>
  running.app.store.audit.record(allowed({ now: now(), origin }, name, { userId }))

scene(
  'the trail is told as it grows, each event once, until it is interrupted',
  async (freddy, context) => {
    for (const name of ['test.first', 'test.second']) {
      await record(freddy, name)
      freddy.pass(1000)
    }
    const { child, next } = start(freddy, context, ['audit', 'tail', '--follow', '--lines', '1'])
    assert.match(await next(), /test\.second/)
    await record(freddy, 'test.third')
    assert.match(await next(), /allowed {2}test\.third/)
    // It came before and was written behind.
    freddy.pass(-500)
    await record(freddy, 'test.late')
    freddy.pass(1500)
    await record(freddy, 'test.last')
    assert.match(await next(), /test\.late/)
    assert.match(await next(), /test\.last/)
    const ended = once(child, 'exit')
    child.kill('SIGINT')
    assert.deepEqual(await ended, [0, null])
  },
)

scene('a trail is followed for one person, in lines for programs', async (freddy, context) => {
  const ada = await freddy.person('ada')
  const words = ['audit', 'tail', '--follow', '--user', 'ada', '--json']
  const { child, next } = start(freddy, context, words)
  await record(freddy, 'test.of_nobody')
  await record(freddy, 'test.of_ada', ada.id)
  assert.equal(JSON.parse(await next()).event, 'test.of_ada')
  const ended = once(child, 'exit')
  child.kill('SIGTERM')
  assert.deepEqual(await ended, [0, null])
})
