import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { findProgram } from './find-program.ts'
import { freePort } from './free-port.ts'
import { root } from './root.ts'
import { Unprepared } from './unprepared.ts'

const START_LIMIT_MS = 30_000
const STOP_LIMIT_MS = 5_000

/** What stands behind a proxy: `127.0.0.1:port` each. */
export interface Behind {
  readonly freddy: string
  readonly app?: string
  /** Words of its file that stand otherwise. */
  readonly instead?: Readonly<Record<string, string>>
  /** A scope that it demands of everybody. */
  readonly scope?: string
}

export interface Proxy {
  readonly base: string
  stop(): Promise<void>
}

interface Prepared {
  readonly args: readonly string[]
  readonly env: NodeJS.ProcessEnv
}

interface Program {
  readonly name: string
  /** What it says when it listens. */
  readonly ready: string
  /** Where Debian's package has it. */
  readonly path: string
}

const nginx: Program = { name: 'nginx', ready: 'start worker process', path: 'usr/sbin/nginx' }
const caddy: Program = {
  name: 'caddy',
  ready: 'serving initial configuration',
  path: 'usr/bin/caddy',
}

interface Kind {
  readonly program: Program
  prepare(folder: string, port: number, behind: Behind): Prepared
}

/** The proxies of `deploy/`, each with the very file that an operator would copy. */
const kinds = {
  nginx: {
    program: nginx,
    prepare(folder, port, behind) {
      const site = replaceEach(read('nginx.conf', behind), {
        'listen 80;': `listen 127.0.0.1:${port};`,
        'http://127.0.0.1:3000/': `http://${behind.freddy}/`,
        'http://127.0.0.1:8000;': `http://${behind.app ?? behind.freddy};`,
      })
      writeFileSync(join(folder, 'site.conf'), site)
      writeFileSync(join(folder, 'nginx.conf'), nginxAround(folder))
      return { args: ['-p', folder, '-c', join(folder, 'nginx.conf')], env: {} }
    },
  },
  caddy: {
    program: caddy,
    prepare(folder, port, behind) {
      const places = {
        SITE: `http://127.0.0.1:${port}`,
        FREDDY: behind.freddy,
        APP: behind.app ?? '',
      }
      return caddyOf(folder, read('Caddyfile', behind), places)
    },
  },
  /** Before the server itself, as the documentation says. */
  'nginx in front': {
    program: nginx,
    prepare(folder, port, { freddy, instead = {} }) {
      const page = readFileSync(join(root, 'docs', 'deploying.md'), 'utf8')
      const [, block = ''] = /```nginx\n([\s\S]*?)```/.exec(page) ?? []
      const site = replaceEach(block.replace(/^ +ssl_.*\n/gm, ''), {
        'listen 443 ssl;': `listen 127.0.0.1:${port};`,
        'http://127.0.0.1:3000;': `http://${freddy};`,
        ...instead,
      })
      writeFileSync(join(folder, 'site.conf'), site)
      writeFileSync(join(folder, 'nginx.conf'), nginxAround(folder))
      return { args: ['-p', folder, '-c', join(folder, 'nginx.conf')], env: {} }
    },
  },
  'caddy in front': {
    program: caddy,
    prepare(folder, port, { freddy, instead = {} }) {
      const site = replaceEach(
        readFileSync(join(root, 'deploy', 'Caddyfile.scale'), 'utf8'),
        instead,
      )
      return caddyOf(folder, site, { DOMAIN: `http://127.0.0.1:${port}`, SERVERS: freddy })
    },
  },
} as const satisfies Record<string, Kind>

export type ProxyName = keyof typeof kinds

/** Runs a proxy on a free port, as whoever runs the tests, with all it writes in a folder that goes with it. */
export async function startProxy(kindName: ProxyName, behind: Behind): Promise<Proxy> {
  const kind: Kind = kinds[kindName]
  const { name, path } = kind.program
  const program = await findProgram({ name, packages: [name], path })
  const folder = mkdtempSync(join(tmpdir(), `freddy-${name}-`))
  const port = await freePort()
  const { args, env } = kind.prepare(folder, port, behind)
  const child = spawn(program.path, args, {
    cwd: folder,
    env: { PATH: process.env.PATH, ...program.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const kill = () => child.kill('SIGKILL')
  process.once('exit', kill)
  const stop = async () => {
    process.off('exit', kill)
    await end(child)
    rmSync(folder, { recursive: true, force: true })
  }
  try {
    await readiness(child, kind.program.ready)
    return { base: `http://127.0.0.1:${port}`, stop }
  } catch (cause) {
    await stop()
    throw cause
  }
}

/** Caddy on this file, with its own files in the folder. */
function caddyOf(folder: string, site: string, places: Readonly<Record<string, string>>): Prepared {
  writeFileSync(join(folder, 'site'), site)
  writeFileSync(join(folder, 'Caddyfile'), '{\n\tadmin off\n}\nimport site\n')
  const homes = { HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder }
  const args = ['run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile']
  return { args, env: { ...places, ...homes } }
}

function read(file: string, { scope }: Behind): string {
  const text = readFileSync(join(root, 'deploy', file), 'utf8')
  if (!scope) return text
  // The line that asks, and not a comment that speaks of it.
  return text.replace(/^([^#\n]*\/v1\/auth\/check)\??(;?)$/m, `$1?scope=${scope}$2`)
}

function replaceEach(text: string, changes: Readonly<Record<string, string>>): string {
  return Object.entries(changes).reduce((changed, [from, to]) => {
    if (changed.split(from).length !== 2) throw new Error(`deploy/: "${from}" stands there once`)
    return changed.replace(from, to)
  }, text)
}

/** What Debian's own nginx.conf has around a site, without its paths. */
function nginxAround(folder: string): string {
  const kinds = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  mkdirSync(join(folder, 'temp'))
  return `daemon off;
user ${userInfo().username};
worker_processes 1;
pid ${folder}/nginx.pid;
error_log stderr notice;
events {}
http {
  access_log off;
  ${kinds.map((kind) => `${kind}_temp_path ${folder}/temp/${kind};`).join('\n  ')}
  include ${folder}/site.conf;
}
`
}

function readiness(child: ChildProcess, word: string): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    const fail = (reason: string) => reject(new Unprepared(`The proxy ${reason}.\n${said}`))
    const limit = setTimeout(() => fail('did not start'), START_LIMIT_MS)
    child.once('exit', () => {
      clearTimeout(limit)
      fail('ended while it started')
    })
    child.once('error', (error) => fail(`did not start: ${error.message}`))
    child.stderr?.setEncoding('utf8').on('data', (part: string) => {
      said = (said + part).slice(-20_000)
      if (!said.includes(word)) return
      clearTimeout(limit)
      resolve()
    })
  })
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const limit = setTimeout(() => child.kill('SIGKILL'), STOP_LIMIT_MS)
  child.kill('SIGTERM')
  await once(child, 'exit')
  clearTimeout(limit)
}
