import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { after, before, type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { childEnv } from './child-env.ts'
import { startProcess } from './server-process.ts'
import { shellOn } from './shell.ts'
import { type SmtpSink, startSmtpSink } from './smtp-sink.ts'

const sdk = fileURLToPath(new URL('../../sdk/python/', import.meta.url))
/** Accounts whose mailbox has had no mail yet. */
const people = ['you@example.com', 'threads@example.com', 'tasks@example.com']
const packages = process.env.TEST_PYTHONPATH ?? ''
/** Its own source first; and no traces beside it. */
const environment = { PYTHONPATH: join(sdk, 'src') + delimiter + packages }

interface Told {
  readonly name: string
  readonly wrong: readonly string[]
}

const closing: (() => unknown)[] = []
let place: Place
before(async () => {
  place = await startPlace()
})
after(async () => {
  for (const close of closing.reverse()) await close()
})

test("the Python SDK keeps its promises, each of them a test of Python's", async (context) => {
  const env = { ...environment, ...place, NODE: process.execPath }
  const { stdout, stderr } = await python([join(sdk, 'tests', 'run.py')], env)
  const all = stdout.split('\n').filter(Boolean)
  assert.ok(all.length > 100, stderr)
  for (const line of all) {
    const { name, wrong } = JSON.parse(line) as Told
    await context.test(name, () => assert.deepEqual(wrong, [], wrong.join('\n')))
  }
})

test('the Python SDK is typed for the oldest and the newest Python that its metadata names, and in form', async (context) => {
  const project = readFileSync(join(sdk, 'pyproject.toml'), 'utf8')
  const named = [...project.matchAll(/"Programming Language :: Python :: (3\.\d+)"/g)]
  const versions = named.map(([, version = '']) => version)
  assert.deepEqual(versions, ['3.9', '3.10', '3.11', '3.12', '3.13', '3.14'])
  assert.match(project, /^requires-python = ">=3\.9"$/m)
  const cache = temporaryFolder(context)
  // What one in between lacks, the oldest lacks too, or the newest.
  const mypy = ['3.9', '3.14'].map((version) => {
    const settings = ['--config-file', join(sdk, 'pyproject.toml'), '--python-version', version]
    return ['-m', 'mypy', ...settings, '--cache-dir', cache, join(sdk, 'src')]
  })
  const ruff = ['-m', 'ruff', 'check', '--no-cache', sdk]
  const form = ['-m', 'ruff', 'format', '--no-cache', '--diff', sdk]
  for (const check of [...mypy, ruff, form]) {
    const { failure, stdout, stderr } = await python(check, environment)
    assert.equal(failure, null, stdout + stderr)
  }
})

test('docs/python-api.md tells every name of the package as it is (npm run api-pages)', async () => {
  const { failure, stdout, stderr } = await python([join(sdk, 'api_page.py')], environment)
  assert.equal(failure, null, stderr)
  assert.equal(readFileSync(join(sdk, '../../docs/python-api.md'), 'utf8'), stdout)
})

test("the Python SDK's wheel, put into an empty folder, runs what its README says", async (context) => {
  const folder = temporaryFolder(context)
  const wheels = join(folder, 'wheels')
  const installed = join(folder, 'installed')
  await pip(['wheel', '--no-deps', '--no-build-isolation', '--wheel-dir', wheels, sdk])
  const [wheel = ''] = readdirSync(wheels)
  const { version } = JSON.parse(readFileSync(join(sdk, '../../package.json'), 'utf8'))
  assert.equal(wheel, `freddy_auth_client-${version}-py3-none-any.whl`)
  await pip(['install', '--no-deps', '--no-index', '--target', installed, join(wheels, wheel)])
  assert.ok(readdirSync(join(installed, 'freddy_auth_client')).includes('py.typed'))

  const readme = readFileSync(join(sdk, 'README.md'), 'utf8')
  const snippets = [...readme.matchAll(/^```python\n([\s\S]*?)^```$/gm)].map(([, code]) => code)
  const program = `${stagehand}\n${snippets.join('\n')}`.replaceAll(
    'http://localhost:3000/v1',
    place.FREDDY_BASE_URL,
  )
  const env = { ...place, HOME: folder, PYTHONPATH: installed + delimiter + packages }
  const { failure, stdout, stderr } = await python(['-c', program], env)
  assert.equal(failure, null, stdout + stderr)
  assert.equal(stdout, 'Hello\nHello again\nHello from a program\nWrong name or password\n')
})

/** What a reader of the README has: an account, and a mailbox to read the code from. */
const stagehand = `
import os, urllib.request

def input(question):
    with urllib.request.urlopen(os.environ["FREDDY_MAILBOX"] + "/you@example.com") as answer:
        return answer.read().decode()
`

interface Place {
  readonly FREDDY_BASE_URL: string
  readonly FREDDY_MAILBOX: string
}

/** A real server for all tests here, and a mailbox whose codes can be read from Python. */
async function startPlace(): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  closing.push(() => rmSync(folder, { recursive: true, force: true }))
  for (const email of people) {
    const words = ['users', 'add', email, '--password-stdin']
    const added = shellOn({ databaseUrl: null, dataDir: folder }, words, {
      input: 'a long sentence of yours',
    })
    assert.equal(added.status, 0, added.text)
  }
  const sink = await startSmtpSink()
  // What was opened last is closed first: a mail server waits for who is still connected.
  closing.push(() => sink.close())
  const server = await startProcess({ SMTP_URL: sink.url, DATA_DIR: folder })
  closing.push(() => server.kill())
  return { FREDDY_BASE_URL: `${server.base}/v1`, FREDDY_MAILBOX: await openMailbox(sink) }
}

/** `GET /ada@example.com` answers the next code that was mailed there; each of them once. */
async function openMailbox(sink: SmtpSink): Promise<string> {
  const read = new Map<string, number>()
  const mailbox = createServer(async (request, response) => {
    const address = decodeURIComponent(request.url ?? '').slice(1)
    const place = read.get(address) ?? 0
    read.set(address, place + 1)
    const code = await nextCode(sink, address, place)
    response.writeHead(code ? 200 : 404).end(code)
  })
  await new Promise<void>((resolve) => mailbox.listen(0, '127.0.0.1', resolve))
  closing.push(() => mailbox.close())
  return `http://127.0.0.1:${(mailbox.address() as AddressInfo).port}`
}

async function nextCode(sink: SmtpSink, address: string, place: number): Promise<string> {
  for (let round = 0; round < 1000; round++) {
    const mails = sink.mails.filter(
      ({ envelope, subject }) => envelope.to.includes(address) && /^\d{4,8} /.test(subject),
    )
    const code = mails[place]?.subject.split(' ')[0]
    if (code) return code
    await wait(10)
  }
  return ''
}

function temporaryFolder(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  context.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

interface Ended {
  readonly failure: Error | null
  readonly stdout: string
  readonly stderr: string
}

function python(args: readonly string[], env: Readonly<Record<string, string>>): Promise<Ended> {
  const options = {
    cwd: env.HOME ?? sdk,
    env: { ...childEnv(), PYTHONDONTWRITEBYTECODE: '1', HOME: tmpdir(), ...env },
    timeout: 240_000,
    maxBuffer: 16 * 1024 * 1024,
  }
  return new Promise((resolve) => {
    execFile('python3', args, options, (failure, stdout, stderr) =>
      resolve({ failure, stdout, stderr }),
    )
  })
}

/** pip as the tests prepared it: with what builds a wheel, and without a network. */
async function pip(args: readonly string[]): Promise<void> {
  const env = { PYTHONPATH: packages, PIP_DISABLE_PIP_VERSION_CHECK: '1' }
  const { failure, stdout, stderr } = await python(['-m', 'pip', ...args], env)
  assert.equal(failure, null, stdout + stderr)
}
