import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { childEnv } from './child-env.ts'

const path = fileURLToPath(new URL('../../scripts/set-up/run-child.cjs', import.meta.url))
const waiting = `
process.on('SIGTERM', () => { console.log('heard'); clearInterval(rest) })
const rest = setInterval(() => {}, 60_000)
console.log('ready')`

/** Sends a SIGTERM to this program once it says that it is ready; all that it said, and how it ended. */
async function interrupt(program: string) {
  const child = spawn(process.execPath, ['-e', program], {
    env: { ...childEnv(), npm_lifecycle_event: 'test', RUN_CHILD: path },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text
    if (text.includes('ready')) child.kill('SIGTERM')
  })
  const [code] = await once(child, 'close')
  return { said, code }
}

test('who runs tests and fetches a Node for them ends the tests when told to, before itself', async () => {
  const { said, code } = await interrupt(`require(process.env.RUN_CHILD)${waiting}`)
  assert.deepEqual([said, code], ['ready\nheard\n', 0])
})

test('a signal to npm reaches the program that it started, which is waited for', async () => {
  const { said, code } = await interrupt(`
    const runChild = require(process.env.RUN_CHILD)
    runChild.passSignals()
    runChild(process.execPath, ['-e', ${JSON.stringify(waiting)}], { stdio: 'inherit' })
      .then(({ exitCode, stopCode }) => console.log(exitCode, stopCode))`)
  assert.deepEqual([said, code], ['ready\nheard\n0 143\n', 0])
})
