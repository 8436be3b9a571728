import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from './free-port.ts'
import { findPostgresPrograms } from './postgres-programs.ts'
import { Unprepared } from './unprepared.ts'
import { type Account, unprivileged } from './unprivileged.ts'

const START_LIMIT_MS = 60_000
const STOP_LIMIT_MS = 10_000

/** A PostgreSQL that lives in a temporary folder, as safe on disk as one in production. */
export interface Postgres {
  readonly url: string
  /** Stops it. Its folder goes when this process does. */
  stop(): Promise<void>
}

/** Starts one cluster on a free port of 127.0.0.1, for the user `freddy` without a password. */
export async function startPostgres(): Promise<Postgres> {
  const programs = await findPostgresPrograms()
  const account = unprivileged()
  const folder = makeFolder(account)
  makeCluster(programs, folder, account)
  const port = await freePort()
  const server = spawnServer(programs, folder, account, port)
  // Before the folder goes. SIGQUIT: at once, for nothing of it is kept.
  process.prependOnceListener('exit', () => server.kill('SIGQUIT'))
  await readiness(server)
  return {
    url: `postgres://freddy@127.0.0.1:${port}/postgres`,
    stop: () => stop(server),
  }
}

/** A folder that only the account can read (mkdtemp's 0700), and that goes when this process does. */
function makeFolder(account: Account): string {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-postgres-'))
  process.once('exit', () => removeFolder(folder))
  if (account.uid !== undefined && account.gid !== undefined) {
    chownSync(folder, account.uid, account.gid)
  }
  return folder
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

function makeCluster(programs: string, folder: string, account: Account): void {
  const args = ['-D', join(folder, 'cluster'), '-U', 'freddy', '--auth=trust', '--no-sync']
  try {
    execFileSync(join(programs, 'initdb'), [...args, '--encoding=UTF8', '--locale=C'], {
      ...account,
      cwd: folder,
      stdio: 'pipe',
    })
  } catch (error) {
    throw new Unprepared(`PostgreSQL's initdb failed: ${String(error)}`)
  }
}

function spawnServer(
  programs: string,
  folder: string,
  account: Account,
  port: number,
): ChildProcess {
  const settings = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    `unix_socket_directories=${folder}`,
    'fsync=on',
    'synchronous_commit=on',
    'max_connections=200',
    'logging_collector=off',
    'lc_messages=C',
  ]
  const args = ['-D', join(folder, 'cluster'), ...settings.flatMap((setting) => ['-c', setting])]
  return spawn(join(programs, 'postgres'), args, {
    ...account,
    cwd: folder,
    stdio: ['ignore', 'ignore', 'pipe'],
  })
}

/** Resolves when the server says so itself: nothing to poll, nothing to guess. */
function readiness(server: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    const fail = (reason: string) => reject(new Unprepared(`PostgreSQL ${reason}.\n${said}`))
    const limit = setTimeout(() => fail('did not start in a minute'), START_LIMIT_MS)
    server.once('exit', () => fail('ended while it started'))
    server.once('error', (error) => fail(`did not start: ${error.message}`))
    server.once('exit', () => clearTimeout(limit))
    server.stderr?.setEncoding('utf8').on('data', (part: string) => {
      if (said.includes('ready to accept connections')) return
      said += part
      if (!said.includes('ready to accept connections')) return
      clearTimeout(limit)
      resolve()
    })
  })
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return
  const limit = setTimeout(() => server.kill('SIGKILL'), STOP_LIMIT_MS)
  server.kill('SIGQUIT')
  await once(server, 'exit')
  clearTimeout(limit)
}
