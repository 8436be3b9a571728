import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { findProgram } from './find-program.ts'
import { freePort } from './free-port.ts'
import { Unprepared } from './unprepared.ts'
import { unprivileged } from './unprivileged.ts'

const wanted = {
  name: 'pgbouncer',
  packages: ['pgbouncer', 'libevent-2.1-7', 'libc-ares2'],
  path: 'usr/sbin/pgbouncer',
}

export interface Bouncer {
  readonly port: number
  stop(): Promise<void>
}

/** PgBouncer in transaction mode before a PostgreSQL, with fewer connections to it than anybody would like. */
export async function startBouncer(postgresPort: number): Promise<Bouncer> {
  const { path, env } = await findProgram(wanted)
  const port = await freePort()
  const account = unprivileged()
  const folder = mkdtempSync(join(tmpdir(), 'freddy-pgbouncer-'))
  writeFileSync(join(folder, 'pgbouncer.ini'), settings(port, postgresPort))
  // Whom it runs as may not come where the tests stand.
  cpSync(path, join(folder, basename(path)))
  const libraries = join(folder, 'lib')
  if (env.LD_LIBRARY_PATH) cpSync(env.LD_LIBRARY_PATH, libraries, { recursive: true })
  if (account.uid !== undefined && account.gid !== undefined)
    chownSync(folder, account.uid, account.gid)
  const child = spawn(join(folder, basename(path)), [join(folder, 'pgbouncer.ini')], {
    ...account,
    cwd: folder,
    env: { PATH: process.env.PATH, LD_LIBRARY_PATH: libraries },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const end = () => child.kill('SIGKILL')
  process.once('exit', end)
  await readiness(child)
  return {
    port,
    async stop() {
      process.off('exit', end)
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

const settings = (port: number, postgresPort: number) => `[databases]
* = host=127.0.0.1 port=${postgresPort} user=freddy

[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = 3
`

function readiness(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    const fail = (reason: string) => reject(new Unprepared(`PgBouncer ${reason}.\n${said}`))
    child.once('error', (error) => fail(`did not start: ${error.message}`))
    child.once('exit', () => fail('ended while it started'))
    child.stderr?.setEncoding('utf8').on('data', (part: string) => {
      said = (said + part).slice(-20_000)
      if (said.includes('process up')) resolve()
    })
  })
}
