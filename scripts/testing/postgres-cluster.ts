import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { findPostgresPrograms } from './postgres-programs.ts'
import { Unprepared } from './unprepared.ts'
import { type Account, unprivileged } from './unprivileged.ts'

const START_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 10_000

/** A PostgreSQL in a temporary folder of its own, which can fall, come back, be copied and be promoted. */
export interface Cluster {
  readonly port: number
  /** Of its processes, the first one first. */
  pids(): number[]
  readonly url: string
  /** Waits until it takes connections. */
  start(): Promise<void>
  /** SIGTERM: waits for its clients. SIGINT: ends them. SIGQUIT: at once, as after a crash. */
  stop(signal?: 'SIGTERM' | 'SIGINT' | 'SIGQUIT'): Promise<void>
  /** Ends every process of it at once, as a power cut would. */
  kill(): Promise<void>
  /** Another cluster that follows this one, not started yet. This one is to know it as `name`. */
  follower(name: string): Promise<Cluster>
  /** A follower becomes one that is written to. */
  promote(): void
  /** Copies the files while it runs. What comes back starts from that copy and plays what was archived since: as it was at a moment. */
  copy(): Promise<(settings: readonly string[]) => Cluster>
}

interface Home {
  readonly programs: string
  readonly account: Account
  readonly folder: string
  readonly port: number
}

/** A new cluster on a free port of 127.0.0.1, for the user `freddy` without a password, in a folder below `where`. Not started yet. */
export async function makeCluster(
  settings: readonly string[] = [],
  where = tmpdir(),
): Promise<Cluster> {
  const home = await makeHome(where)
  const args = ['-U', 'freddy', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C']
  perform(home, 'initdb', ['-D', join(home.folder, 'cluster'), ...args])
  return clusterIn(home, settings)
}

function clusterIn(home: Home, settings: readonly string[]): Cluster {
  const { programs, account, folder, port } = home
  const place = join(folder, 'cluster')
  let server: ChildProcess | undefined
  return {
    port,
    pids: () => (server?.pid ? [server.pid, ...childrenOf(server.pid)] : []),
    url: `postgres://freddy@127.0.0.1:${port}/postgres`,
    async start() {
      server = spawnServer(home, settings)
      const started = server
      // Before the folder goes. SIGQUIT: at once, for nothing of it is kept.
      process.prependOnceListener('exit', () => started.kill('SIGQUIT'))
      await readiness(started)
    },
    stop: async (signal = 'SIGQUIT') => server && stop(server, signal),
    async kill() {
      if (!server?.pid) return
      const ended = once(server, 'exit')
      // None of them may notice that another is gone.
      for (const pid of this.pids()) endProcess(pid)
      await ended
    },
    async follower(name) {
      const other = await makeHome()
      const source = `host=127.0.0.1 port=${port} user=freddy application_name=${name}`
      const args = ['-D', join(other.folder, 'cluster'), '-d', source, '-R', '--no-sync']
      perform(home, 'pg_basebackup', [...args, '--checkpoint=fast'])
      return clusterIn(other, settings)
    },
    promote: () =>
      void execFileSync(join(programs, 'pg_ctl'), ['-D', place, '-w', 'promote'], {
        ...account,
        cwd: folder,
        stdio: 'ignore',
      }),
    async copy() {
      const other = await makeHome()
      const source = `host=127.0.0.1 port=${port} user=freddy`
      const files = join(other.folder, 'cluster')
      const args = ['-D', files, '-d', source, '--no-sync', '--checkpoint=fast']
      perform(home, 'pg_basebackup', args)
      writeFileSync(join(files, 'recovery.signal'), '')
      return (more) => clusterIn(other, more)
    },
  }
}

/** A folder that only the account can read (mkdtemp's 0700), and that goes when this process does. */
async function makeHome(where = tmpdir()): Promise<Home> {
  const programs = await findPostgresPrograms()
  const account = unprivileged()
  const folder = mkdtempSync(join(where, 'freddy-postgres-'))
  process.once('exit', () => removeFolder(folder))
  if (account.uid !== undefined && account.gid !== undefined) {
    chownSync(folder, account.uid, account.gid)
  }
  return { programs, account, folder, port: await freePort() }
}

/** A server that is just ending still writes into it: so look again, for two seconds at most. */
function removeFolder(folder: string): void {
  const clock = new Int32Array(new SharedArrayBuffer(4))
  for (let tries = 0; tries < 100; tries += 1) {
    try {
      rmSync(folder, { recursive: true, force: true })
      return
    } catch {
      Atomics.wait(clock, 0, 0, 20)
    }
  }
}

function perform({ programs, account, folder }: Home, program: string, args: readonly string[]) {
  try {
    execFileSync(join(programs, program), args, { ...account, cwd: folder, stdio: 'pipe' })
  } catch (error) {
    throw new Unprepared(`PostgreSQL's ${program} failed: ${String(error)}`)
  }
}

function spawnServer(home: Home, settings: readonly string[]): ChildProcess {
  const { programs, account, folder, port } = home
  const all = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${folder}`,
    'fsync=on',
    'synchronous_commit=on',
    'max_connections=200',
    'logging_collector=off',
    'lc_messages=C',
    ...settings,
  ]
  const args = ['-D', join(folder, 'cluster'), ...all.flatMap((setting) => ['-c', setting])]
  return spawn(join(programs, 'postgres'), args, {
    ...account,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
}

/** Resolves when the server says so itself: nothing to poll, nothing to guess. */
function readiness(server: ChildProcess): Promise<void> {
  const ready = /ready to accept (read-only )?connections/
  return new Promise((resolve, reject) => {
    let said = ''
    const fail = (reason: string) => reject(new Unprepared(`PostgreSQL ${reason}.\n${said}`))
    const limit = setTimeout(() => fail('did not start in a minute'), START_LIMIT_MS)
    server.once('exit', () => fail('ended while it started'))
    server.once('error', (error) => fail(`did not start: ${error.message}`))
    server.once('exit', () => clearTimeout(limit))
    server.stderr?.setEncoding('utf8').on('data', (part: string) => {
      if (ready.test(said)) return
      said += part
      if (!ready.test(said)) return
      clearTimeout(limit)
      resolve()
    })
  })
}

function childrenOf(pid: number): number[] {
  const file = `/proc/${pid}/task/${pid}/children`
  return existsSync(file) ? readFileSync(file, 'utf8').split(' ').filter(Boolean).map(Number) : []
}

function endProcess(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It ended by itself.
  }
}

async function stop(server: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const limit = setTimeout(() => server.kill('SIGKILL'), STOP_LIMIT_MS)
  const ended = once(server, 'exit')
  server.kill(signal)
  await ended
  clearTimeout(limit)
}
