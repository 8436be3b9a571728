import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { type Freddy, PASSWORD, scene } from '../../../server/test/freddy.ts'
import { playCase } from '../../cases/case-server.ts'
import { VERSION } from '../src/cli/version.ts'
import { type Said, type Shell, shellOf } from './cli.ts'
import { baseUrlOf, mailedCode, timesOf } from './server.ts'

const NOWHERE = 'http://127.0.0.1:9/v1'

const json = ({ stdout }: Said) => JSON.parse(stdout)

/** A shell in which Ada has signed in. */
async function adasShell(freddy: Freddy, context: TestContext): Promise<Shell> {
  const ada = await freddy.person('ada')
  const shell = shellOf(context, await baseUrlOf(freddy))
  const input = [PASSWORD, () => mailedCode(freddy, ada.email)]
  const said = await shell.run(['login', 'ada', '--json'], input)
  assert.equal(said.status, 0, said.stderr)
  assert.equal(json(said).name, ada.email)
  assert.match(json(said).expires_at, /^2026-12-23T/)
  return shell
}

scene(
  'a person signs in, asks, and signs out; nothing secret is shown',
  async (freddy, context) => {
    const shell = await adasShell(freddy, context)
    const who = await shell.run(['whoami'])
    assert.equal(who.stdout, `ada@example.com  ada\n${await baseUrlOf(freddy)}\n`)
    assert.match(who.stderr, /Kept in .*sessions/)

    const asked = await shell.run(['ask', 'How are you today?'])
    assert.deepEqual([asked.stdout, asked.stderr], ['How are you today?\n', ''])
    const piped = await shell.run(['ask', '--json', '--model', 'echo-1'], ['From a pipe'])
    assert.equal(json(piped).output_text, 'From a pipe')
    const used = await shell.run(['usage', '--by', 'model'])
    assert.match(used.stdout, /^echo-1 +2 calls .*\ntotal +2 calls .* 0\.00\n$/)

    const out = await shell.run(['logout'])
    assert.deepEqual(out, { status: 0, stdout: '', stderr: 'Signed out.\n' })
    assert.equal((await shell.run(['whoami'])).status, 4)
    assert.equal(await timesOf(freddy, 'session.ended'), 1)
    assert.deepEqual(readdirSync(join(String(shell.env.XDG_STATE_HOME), 'freddy', 'sessions')), [])
  },
)

scene('keys are made, listed and revoked, for people and for programs', async (freddy, context) => {
  const shell = await adasShell(freddy, context)
  assert.match((await shell.run(['keys', 'list'])).stderr, /No keys yet/)
  const made = await shell.run(['keys', 'create', 'my laptop', '--scopes', 'models', '--days', '0'])
  const key = made.stdout.trim()
  assert.match(key, /^ak_[0-9A-Za-z]{38}$/)
  assert.match(made.stderr, /shown this once. It never ends/)
  const other = json(await shell.run(['keys', 'create', 'ci', '--json']))
  assert.deepEqual(other.scopes, ['responses', 'models'])

  const listed = await shell.run(['keys', 'list'])
  assert.equal(listed.stdout.split('\n').length, 3)
  assert.equal(listed.stdout.includes(key), false)
  const rows = json(await shell.run(['keys', 'list', '--json']))
  const laptop = rows.find((row: { name: string }) => row.name === 'my laptop')

  const used = await shell.run(['ask', 'Hi', '--model', 'echo-1'], [], { FREDDY_API_KEY: key })
  assert.equal(used.status, 1, 'its scope is models alone')
  assert.match(used.stderr, /may not do that/)
  const asKey = await shell.run(['whoami', '--json'], [], { FREDDY_API_KEY: key })
  assert.deepEqual(
    [json(asKey).api_key.name, json(asKey).api_key.scopes],
    ['my laptop', ['models']],
  )

  assert.equal((await shell.run(['keys', 'revoke', laptop.id])).stdout, `${laptop.id}\n`)
  const refused = await shell.run(['ask', 'Hi', '--json'], [], { FREDDY_API_KEY: key })
  assert.equal(refused.status, 4)
  assert.equal(JSON.parse(refused.stderr).error.code, 'INVALID_API_KEY')
})

scene('sessions are listed and ended, one by one or all', async (freddy, context) => {
  const shell = await adasShell(freddy, context)
  const ada = { id: '', email: 'ada@example.com', userName: 'ada', password: PASSWORD }
  const phone = await freddy.signIn(ada)
  const listed = await shell.run(['sessions', 'list'])
  assert.equal(listed.stdout.split('\n').length, 3)
  assert.equal(listed.stdout.match(/ freddy on \w+ +this one\n/g)?.length, 1)
  assert.equal((await shell.run(['sessions', 'revoke', phone.device_id])).status, 0)
  const tablet = await freddy.signIn(ada)
  assert.equal((await shell.run(['logout', '--all'])).stderr, 'Signed out everywhere.\n')
  for (const { token } of [phone, tablet])
    assert.equal((await freddy.ask('GET /v1/user/me', { token })).status, 401)
})

scene('a key of the environment keeps no session alive at a log-out', async (freddy, context) => {
  const shell = await adasShell(freddy, context)
  const key = (await shell.run(['keys', 'create', 'ci', '--scopes', 'models'])).stdout.trim()
  const env = { FREDDY_API_KEY: key }
  const ada = { id: '', email: 'ada@example.com', userName: 'ada', password: PASSWORD }
  const { token } = await freddy.signIn(ada)
  const goesOn = 'FREDDY_API_KEY is set and goes on; its key stays alive.\n'

  const out = await shell.run(['logout', '--all'], [], env)
  assert.deepEqual([out.status, out.stderr], [0, `Signed out everywhere.\n${goesOn}`])
  assert.equal(await timesOf(freddy, 'session.ended'), 1)
  assert.equal((await freddy.ask('GET /v1/user/me', { token })).status, 401)
  assert.equal((await shell.run(['whoami'])).status, 4)

  const bare = await shell.run(['logout'], [], env)
  assert.deepEqual([bare.status, bare.stderr], [0, goesOn])
  assert.equal((await shell.run(['logout', '--all'], [], env)).status, 4, 'no session, no others')
  assert.equal((await shell.run(['whoami'], [], env)).status, 0, 'the key itself lives on')
})

scene('a key is kept in place of a session by --with-token', async (freddy, context) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const body = { name: 'ci' }
  const { key } = (await freddy.ask('POST /v1/api-keys', { token, body })).body
  const shell = shellOf(context, await baseUrlOf(freddy))
  const kept = await shell.run(['login', '--with-token'], [key])
  assert.deepEqual([kept.status, kept.stdout], [0, 'ci\n'], kept.stderr)
  const shown = `${key.slice(0, 7)}…${key.slice(-4)}`
  assert.match((await shell.run(['whoami'])).stdout, new RegExp(`^${shown}  ci\\n`))
  assert.equal((await shell.run(['ask', 'By key'])).stdout, 'By key\n')
  assert.equal((await shell.run(['keys', 'list'])).status, 1, 'a key makes and lists no keys')
  assert.match((await shell.run(['logout'])).stderr, /it stays alive/)
  assert.equal((await shell.run(['ask', 'By key'])).status, 4)
  const again = await freddy.ask('GET /v1/models', { headers: { 'api-key': key } })
  assert.equal(again.status, 200, 'the key itself lives on')

  const wrong = await shell.run(['login', '--with-token'], [`ak_${'0'.repeat(38)}`])
  assert.equal(wrong.status, 4)
  assert.equal((await shell.run(['login', '--with-token'], ['hello'])).status, 1)
})

scene('what goes wrong is a sentence and a number', async (freddy, context) => {
  await freddy.person('ada')
  const shell = shellOf(context, await baseUrlOf(freddy))
  const wrong = await shell.run(['login', 'ada'], ['not my password'])
  assert.deepEqual(
    [wrong.status, wrong.stdout, wrong.stderr],
    [4, '', 'Invalid email or password\n'],
  )
  const silent = await shell.run(['login', 'ada'])
  assert.match(silent.stderr, /Nobody answered: Password:/)
  const down = await shell.run(['whoami', '--server', NOWHERE], [], { FREDDY_API_KEY: 'ak_0' })
  assert.equal(down.status, 1)
  assert.match(down.stderr, /No answer from http:\/\/127.0.0.1:9\/v1/)
})

scene('a key gets another secret, and the old one goes on for a while', async (freddy, context) => {
  const shell = await adasShell(freddy, context)
  const { id, key } = json(await shell.run(['keys', 'create', 'ci', '--json']))
  const rotated = await shell.run(['keys', 'rotate', id, '--overlap', '3'])
  assert.match(rotated.stderr, /shown this once. The old secret goes on for 3 days/)
  const next = rotated.stdout.trim()
  assert.notEqual(next, key)
  for (const FREDDY_API_KEY of [key, next])
    assert.equal((await shell.run(['ask', 'Hi'], [], { FREDDY_API_KEY })).stdout, 'Hi\n')
})

test('usage is shown in columns, and the budgets beside it', async (context) => {
  const sums = { calls: 12, input_tokens: 340, output_tokens: 56, money_millionths: 1_250_000 }
  const limits = [
    { level: 'person', key: null, limit: 'tokens_per_day', used: 396, most: 1000, resets_at: 'T' },
  ]
  const usage = { object: 'usage', total: sums, data: [{ model: 'echo-1', ...sums }], limits }
  const server = await playCase({
    server: [{ on: 'GET /v1/usage?by=model', answer: { body: usage } }],
  })
  context.after(() => server.down())
  const { run } = shellOf(context, server.baseUrl)
  const told = await run(['usage', '--by', 'model'], [], { FREDDY_API_KEY: 'ak_0' })
  assert.equal(
    told.stdout,
    'echo-1  12 calls  340 in  56 out  1.25\ntotal   12 calls  340 in  56 out  1.25\n',
  )
  assert.equal(told.stderr, 'tokens_per_day: 396 of 1000, anew at T\n')
  assert.deepEqual(server.problems(), [])
  assert.equal((await run(['usage', '--by', 'mood'])).status, 2)
})

test('wrong words end with 2 and a hint, help and version with 0', async (context) => {
  const shell = shellOf(context, NOWHERE)
  const hints = {
    nonsense: /Unknown command nonsense\nSee: freddy --help/,
    ask: /Ask something: freddy ask "…"\nSee: freddy ask --help/,
    'ask hi --server //': /\/\/ is not the address of a server/,
    'completion tcsh': /completion takes bash, zsh, fish/,
    'keys rotate key_1 --overlap 31': /--overlap takes 0 to 30/,
    'login ada --device': /--device asks for no user/,
    'keys list --jsno': /Unknown option --jsno/,
    'keys create': /Missing required positional argument: NAME/,
    'keys revoke one two': /Unknown word two/,
  }
  for (const [words, hint] of Object.entries(hints)) {
    const { status, stdout, stderr } = await shell.run(words.split(' '))
    assert.deepEqual([status, stdout], [2, ''], words)
    assert.match(stderr, hint, words)
  }
  for (const words of [['keys'], ['keys', '--help']]) {
    const { status, stdout } = await shell.run(words)
    assert.equal(status, 0)
    assert.match(stdout, /create +Make an API key/)
  }
  assert.match((await shell.run([])).stdout, /login +Sign in[\s\S]+Ends with 0, or with 1 when/)
  assert.doesNotMatch((await shell.run(['login', '--help'])).stdout, /false/)
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'))
  assert.equal(VERSION, version)
  assert.equal((await shell.run(['--version'])).stdout, `${version}\n`)
  assert.match((await shell.run(['whoami'])).stderr, /^You are not signed in: freddy login\n$/)
  const elsewhere = await shell.run(['whoami', '--server', 'auth.example.com'])
  assert.match(elsewhere.stderr, /: freddy login --server auth.example.com\n$/)
  assert.deepEqual(await shell.run(['logout']), {
    status: 0,
    stdout: '',
    stderr: 'You were not signed in.\n',
  })
})

test('bash completes commands, their commands and their options', async (context) => {
  const shell = shellOf(context, NOWHERE)
  const { stdout } = await shell.run(['completion', 'bash'])
  const complete = (line: string) => {
    const words = line.split(' ')
    const script = `${stdout}
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}
_freddy; echo "\${COMPREPLY[*]}"`
    return spawnSync('bash', ['-c', script], { encoding: 'utf8' }).stdout.trim()
  }
  assert.equal(complete('freddy lo'), 'login logout')
  assert.equal(complete('freddy keys '), 'list create rotate revoke')
  assert.equal(complete('freddy keys create --d'), '--days')
  assert.equal(complete('freddy keys create laptop --d'), '--days')
  assert.match((await shell.run(['completion', 'zsh'])).stdout, /^#compdef freddy\n/)
  const fish = (await shell.run(['completion', 'fish'])).stdout
  assert.match(
    fish,
    /-n '__fish_seen_subcommand_from keys; and not [^']+' -a create -d 'Make an API key/,
  )
})
