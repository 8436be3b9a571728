import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import type { Case } from '../../cases/case.ts'
import { playCase } from '../../cases/case-server.ts'
import { play } from './play.ts'

const folder = new URL('../../cases/', import.meta.url)
const read = (name: string): Case => JSON.parse(readFileSync(new URL(name, folder), 'utf8'))
const names = readdirSync(folder).filter((name) => name.endsWith('.json'))

for (const name of names) {
  const told = read(name)
  test(`${name.replace('.json', '')}: ${told.promise}`, async (context) => {
    const server = await playCase(told)
    context.after(() => server.down())
    await play(told, server)
    assert.deepEqual(server.problems(), [])
  })
}

test('every case that a client library must pass is here', () => {
  assert.ok(names.length >= 30)
})

/** Plays the server of a case in a process of its own, as a client in another language does. */
async function servedApart(name: string, tell: (baseUrl: string) => Promise<void>) {
  const words = ['--disable-warning=ExperimentalWarning', 'serve.ts', name]
  const child = spawn(process.execPath, words, {
    cwd: fileURLToPath(folder),
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const ended = new Promise((resolve) => child.once('exit', resolve))
  try {
    const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]()
    const next = async () => JSON.parse(String((await lines.next()).value))
    const { base_url } = await next()
    await tell(base_url)
    const commands: unknown[] = []
    for (const command of ['down', 'up']) {
      child.stdin.write(`${command}\n`)
      commands.push(await next())
    }
    assert.deepEqual(commands, [{ did: 'down' }, { did: 'up' }])
    child.stdin.end()
    return { verdict: await next(), code: await ended }
  } finally {
    child.kill('SIGKILL')
    await ended
  }
}

test('the server of a case runs apart and gives its verdict', async () => {
  const name = 'api-key.json'
  const [key] = Object.values(read(name).client ?? {})
  const ask = (baseUrl: string, headers: Record<string, string>) =>
    fetch(`${baseUrl}/responses`, { method: 'POST', body: '{}', headers })
  const { verdict, code } = await servedApart(name, async (baseUrl) => {
    assert.equal((await ask(baseUrl, { 'api-key': String(key) })).status, 200)
    assert.equal((await ask(baseUrl, {})).status, 401)
  })
  assert.deepEqual({ verdict, code }, { verdict: { kept: true, problems: [] }, code: 0 })

  const wrong = await servedApart(name, async (baseUrl) => {
    await ask(baseUrl, { authorization: 'Bearer a', 'api-key': String(key) })
    await ask(baseUrl, {})
  })
  assert.equal(wrong.code, 1)
  assert.equal(wrong.verdict.kept, false)
  assert.equal(wrong.verdict.problems.length, 2)
})
