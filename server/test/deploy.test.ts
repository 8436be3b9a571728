import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { parse } from 'yaml'
import { freePort } from '../../scripts/testing/free-port.ts'
import { root } from '../../scripts/testing/root.ts'
import { knobs, readConfig } from '../src/config.ts'
import { version } from '../src/version.ts'
import { SECRET } from './freddy.ts'
import { startProgram } from './server-process.ts'

const read = (path: string) => readFileSync(join(root, 'deploy', path), 'utf8')

/** The instructions of a Dockerfile, comments and line ends gone. */
const instructions = read('Dockerfile')
  .replace(/^#.*\n/gm, '')
  .split('\n')
  .filter(Boolean)
  .map((line) => {
    const [word = '', ...rest] = line.split(' ')
    return { word, rest: rest.join(' ') }
  })
const said = (word: string) =>
  instructions.filter((each) => each.word === word).map(({ rest }) => rest)
const stages = instructions.reduce<(typeof instructions)[]>(
  (found, each) =>
    each.word === 'FROM'
      ? [...found, [each]]
      : [...found.slice(0, -1), [...(found.at(-1) ?? []), each]],
  [],
)

test('the image pins what it stands on, runs as nobody in particular, and holds what it needs', () => {
  assert.equal(stages.length, 2)
  for (const from of said('FROM')) assert.match(from, /^node:24\.\d+\.\d+-[a-z]+-slim( AS build)?$/)
  assert.deepEqual(said('USER'), ['1000:1000'])
  assert.deepEqual(said('VOLUME'), ['/data'])
  assert.doesNotMatch(read('Dockerfile'), /curl|wget|apt-get|ADD |:latest|SECRET|PASSWORD/)
  for (const word of ['ENTRYPOINT', 'CMD'])
    for (const form of said(word)) assert.ok(Array.isArray(JSON.parse(form)), form)
  const [health = ''] = said('HEALTHCHECK')
  assert.match(health, /CMD \["node", "\/app\/bin\/freddy-auth\.cjs", "health"\]$/)
  const order = instructions.map(({ word }) => word)
  assert.ok(order.lastIndexOf('RUN') < order.indexOf('USER'), 'what runs in it needs no rights')
  for (const name of namesOf(said('ENV').join(' '))) requireKnob(name)
})

test('nothing goes to the builder but what the image is made of', () => {
  const lines = readFileSync(join(root, '.dockerignore'), 'utf8').split('\n')
  assert.ok(lines.includes('*'))
  for (const source of copies().flatMap(({ from }) => from)) {
    assert.ok(lines.includes(`!${source}`), source)
    assert.ok(existsSync(join(root, source)), source)
  }
  for (const secret of ['**/.env*', '**/*.key', '**/*.db', '**/node_modules'])
    assert.ok(lines.includes(secret), secret)
})

test('the steps of the image, in a bare folder, end in a server that writes to its data alone', async (context) => {
  const bare = mkdtempSync(join(tmpdir(), 'freddy-'))
  context.after(() => rmSync(bare, { recursive: true, force: true }))
  const here = (text: string) => text.replaceAll(/(^|[ "=])\/(src|app|data)\b/g, `$1${bare}/$2`)
  const source = join(bare, 'src')
  mkdirSync(source)
  for (const { from, to } of copies()) {
    for (const each of from) {
      const target = to === './' ? join(source, each) : join(source, to)
      cpSync(join(root, each), target, { recursive: true, filter: (path) => !isIgnored(path) })
    }
  }
  for (const { word, rest } of stages[0] ?? []) {
    if (word !== 'RUN') continue
    // The network's part was done when this clone was set up, from the same lock file.
    if (rest === 'npm ci --ignore-scripts')
      symlinkSync(join(root, 'node_modules'), join(source, 'node_modules'))
    else shell(here(rest), source)
  }
  const before = listing(join(bare, 'app'))
  mkdirSync(join(bare, 'data'), { mode: 0o700 })
  const words = [...said('ENTRYPOINT'), ...said('CMD')].flatMap((form) => JSON.parse(here(form)))
  assert.equal(words.shift(), 'node')
  const port = String(await freePort())
  const told = pairsOf(here(said('ENV').join(' ')))
  const settings = { HOST: '127.0.0.1', PORT: port, PUBLIC_URL: `http://localhost:${port}` }
  const env = { ...told, ...forPublic, ...settings }
  const server = await startProgram(words, env)
  context.after(() => server.kill())
  const [, form = '[]'] = /CMD (\[.*\])$/.exec(said('HEALTHCHECK')[0] ?? '') ?? []
  const [, ...health] = JSON.parse(here(form)) as string[]
  const look = () => spawnSync(process.execPath, health, { env, encoding: 'utf8' })
  const found = look()
  assert.equal(found.status, 0, found.stdout + found.stderr)
  assert.match(found.stdout, /"database":"ok"/)
  assert.equal(await server.stop('SIGTERM'), 0)
  assert.equal(look().status, 1)
  assert.deepEqual(listing(join(bare, 'app')), before)
  assert.deepEqual(
    readdirSync(join(bare, 'data')).filter((name) => !/^freddy\.db/.test(name)),
    [],
  )
})

for (const file of ['compose.yaml', 'compose.scale.yaml']) {
  test(`${file} names settings that there are, pins its images and gives no rights away`, () => {
    const { services, volumes, networks } = parse(read(file), { merge: true }) as Compose
    for (const [name, service] of Object.entries(services)) {
      assert.match(service.image, /^[a-z/-]+:v?\d[\w.-]*$/, name)
      assert.equal(service.restart, 'unless-stopped', name)
      for (const volume of service.volumes ?? []) {
        const [from = ''] = volume.split(':')
        const isFile = from.startsWith('./') && existsSync(join(root, 'deploy', from))
        assert.ok(isFile || from in (volumes ?? {}), volume)
      }
      for (const network of networkNames(service)) assert.ok(network in (networks ?? {}), network)
      if (!service.image.startsWith('freddy-auth:')) continue
      assert.equal(service.image, `freddy-auth:${version}`)
      assert.equal(service.read_only, true)
      assert.equal(service.init, true)
      assert.deepEqual(service.cap_drop, ['ALL'])
      assert.deepEqual(service.security_opt, ['no-new-privileges:true'])
      assert.ok(Number.parseInt(service.stop_grace_period ?? '', 10) >= 15)
      assert.ok(existsSync(join(root, 'deploy', service.build?.context ?? '', 'deploy/Dockerfile')))
      for (const each of Object.keys(service.environment)) requireKnob(each)
      requireStart({ ...service.environment, HOST: '0.0.0.0' })
    }
    const served = Object.values(services).flatMap(({ ports }) => ports ?? [])
    for (const port of served)
      assert.ok(port.startsWith('127.0.0.1:') || file === 'compose.scale.yaml', port)
  })
}

test('behind the Caddy of compose.scale.yaml only its own address is believed', () => {
  const { services, networks } = parse(read('compose.scale.yaml'), { merge: true })
  const address = services.caddy.networks.front.ipv4_address
  for (const name of ['freddy-1', 'freddy-2'])
    assert.equal(services[name].environment.TRUSTED_PROXIES, address)
  assert.ok(networks.front.ipam.config[0].subnet.startsWith(address.replace(/\d+$/, '')))
  assert.equal(networks.back.internal, true)
  const example = namesOf(read('.env.example').replace(/^#.*$/gm, '').replaceAll('\n', ' '))
  const asked = [...read('compose.scale.yaml').matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => name)
  assert.deepEqual([...new Set(asked)].sort(), example.sort())
})

test('the service of systemd is one, is shut in, and may do what the server does', () => {
  const unit = read('freddy-auth.service')
  for (const name of namesOf(/^Environment=(.*)$/m.exec(unit)?.[1] ?? '')) requireKnob(name)
  for (const line of ['DynamicUser=yes', 'ProtectSystem=strict', 'CapabilityBoundingSet='])
    assert.ok(unit.includes(`\n${line}\n`), line)
  // V8 writes code and runs it.
  assert.doesNotMatch(unit, /MemoryDenyWriteExecute/)
  const file = join(root, 'deploy', 'freddy-auth.service')
  const program = 'systemd-analyze'
  if (spawnSync(program, ['--version']).status !== 0) return
  const verified = spawnSync(program, ['verify', file], { encoding: 'utf8' })
  // The only complaint that it may have is that Node stands elsewhere here.
  const complaints = verified.stderr.split('\n').filter((line) => !/usr\/bin\/node|^$/.test(line))
  assert.deepEqual(complaints, [])
  const exposure = spawnSync(program, ['security', '--offline=true', '--threshold=20', file])
  assert.equal(exposure.status, 0, 'an exposure of 2.0 at most')
})

interface Service {
  readonly image: string
  readonly restart?: string
  readonly build?: { readonly context: string }
  readonly read_only?: boolean
  readonly init?: boolean
  readonly cap_drop?: readonly string[]
  readonly security_opt?: readonly string[]
  readonly stop_grace_period?: string
  readonly environment: Readonly<Record<string, string>>
  readonly volumes?: readonly string[]
  readonly ports?: readonly string[]
  readonly networks?: readonly string[] | Readonly<Record<string, unknown>>
}

interface Compose {
  readonly services: Readonly<Record<string, Service>>
  readonly volumes?: Readonly<Record<string, unknown>>
  readonly networks?: Readonly<Record<string, unknown>>
}

/** What a server needs that strangers can reach. */
const forPublic = {
  SECRET_KEY: SECRET,
  PUBLIC_URL: 'https://auth.example.com',
  SMTP_URL: 'smtp://127.0.0.1:1',
  HASH_THREADS: '1',
}

function copies(): { from: string[]; to: string }[] {
  return (stages[0] ?? [])
    .filter(({ word }) => word === 'COPY')
    .map(({ rest }) => {
      const parts = rest.split(' ')
      return { from: parts.slice(0, -1), to: parts.at(-1) ?? '' }
    })
}

const isIgnored = (path: string) => /\/(node_modules|dist|data)$|\.(key|db)$/.test(path)

function shell(line: string, cwd: string): void {
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` }
  const { status, stderr } = spawnSync('sh', ['-c', line], { cwd, env, encoding: 'utf8' })
  assert.equal(status, 0, `${line}\n${stderr}`)
}

/** Every file below a folder with its size and the moment of its last change. */
function listing(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => {
    const { size, mtimeMs } = statSync(join(folder, name))
    return `${name} ${size} ${mtimeMs}`
  })
}

function networkNames({ networks = [] }: Service): string[] {
  return Array.isArray(networks) ? [...networks] : Object.keys(networks)
}

const namesOf = (text: string) => Object.keys(pairsOf(text))

function pairsOf(text: string): Record<string, string> {
  return Object.fromEntries(
    [...text.matchAll(/\b([A-Z][A-Z_]*)=(\S*)/g)].map(([, name = '', value = '']) => [name, value]),
  )
}

function requireKnob(name: string): void {
  assert.ok(name === 'NODE_ENV' || name in knobs, `${name} is no setting`)
}

/** With everything that is asked for filled in, the server would start. */
function requireStart(environment: Readonly<Record<string, string>>): void {
  const filled = Object.entries(environment).map(([name, value]) => [
    name,
    String(value)
      .replace(/\$\{(SECRET_KEY|SMTP_URL)[^}]*\}/, (_, key: 'SECRET_KEY') => forPublic[key])
      .replace(/\$\{MAIL_FROM[^}]*\}/, 'freddy@example.com')
      .replaceAll(/\$\{[^}]*\}/g, 'filled-in'),
  ])
  readConfig(Object.fromEntries(filled))
}

test('the chart uses every value that it names, and names every value that it uses', () => {
  const folder = join(root, 'deploy', 'helm')
  const values = parse(readFileSync(join(folder, 'values.yaml'), 'utf8'))
  const chart = parse(readFileSync(join(folder, 'Chart.yaml'), 'utf8'))
  assert.deepEqual([chart.version, chart.appVersion], [version, version])
  const names = readdirSync(join(folder, 'templates'))
  const text = names.map((name) => readFileSync(join(folder, 'templates', name), 'utf8')).join('\n')
  const used = [...text.matchAll(/\.(?:Values|values)\.([a-zA-Z_.]+)/g)].map(
    ([, path = '']) => path,
  )
  for (const path of used) {
    const value = path.split('.').reduce((at, key) => at?.[key], values)
    assert.notEqual(value, undefined, path)
  }
  const leaves = Object.entries(values).flatMap(([key, value]) =>
    ['config', 'resources', 'affinity', 'nodeSelector'].includes(key) || !isTable(value)
      ? [key]
      : Object.keys(value).map((inner) => `${key}.${inner}`),
  )
  assert.deepEqual(
    leaves.filter((path) => !used.includes(path)),
    [],
  )
  for (const name of Object.keys(values.config)) requireKnob(name)
  for (const [, name = ''] of text.matchAll(/^ *- name: ([A-Z_]+)$/gm)) requireKnob(name)
  const defined = [...text.matchAll(/define "([^"]+)"/g)].map(([, name]) => name)
  const included = [...text.matchAll(/include "([^"]+)"/g)].map(([, name]) => name)
  assert.deepEqual([...new Set(included)].sort(), defined.sort())
  const opened = text.match(/\{\{-? *(if|range|with|define)\b/g)?.length
  assert.equal(text.match(/\{\{-? *end\b/g)?.length, opened)
})

test('the pods of the chart are held to what the image needs', () => {
  const template = (name: string) => read(`helm/templates/${name}`)
  const helpers = template('_helpers.tpl')
  for (const line of ['runAsNonRoot: true', 'readOnlyRootFilesystem: true', 'drop: [ALL]'])
    assert.ok(helpers.includes(line), line)
  const pods = template('deployment.yaml')
  for (const [probe, path] of [
    ['startupProbe', '/livez'],
    ['livenessProbe', '/livez'],
    ['readinessProbe', '/readyz'],
  ])
    assert.match(pods, new RegExp(`${probe}:\\n +httpGet: \\{ path: ${path}, port: http \\}`))
  assert.match(template('migration.yaml'), /helm\.sh\/hook: pre-install,pre-upgrade/)
  assert.match(template('migration.yaml'), /args: \[migrate\]/)
  assert.match(template('disruption.yaml'), /kind: PodDisruptionBudget/)
  assert.match(template('network-policy.yaml'), /policyTypes: \[Ingress, Egress\]/)
})

const isTable = (value: unknown): value is object =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
