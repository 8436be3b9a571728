import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { findProgram } from './find-program.ts'
import { freePort } from './free-port.ts'
import { Unprepared } from './unprepared.ts'

const START_LIMIT_MS = 30_000

/** A Redis on a port of its own that keeps nothing on disk, and can be ended, paused and started again. */
export interface Redis {
  readonly url: string
  readonly port: number
  start(): Promise<void>
  kill(): Promise<void>
  /** It is there and says nothing. */
  pause(): void
  resume(): void
}

const wanted = {
  name: 'redis-server',
  packages: ['redis-tools', 'liblzf1', 'libjemalloc2', 'libatomic1'],
  path: 'usr/bin/redis-check-rdb',
}

/** Debian's, on a free port of 127.0.0.1; started. */
export async function startRedis(): Promise<Redis> {
  const { path, env } = await findProgram(wanted)
  const port = await freePort()
  let child: ChildProcess | undefined
  const end = () => child?.kill('SIGKILL')
  process.once('exit', end)
  const redis: Redis = {
    url: `redis://127.0.0.1:${port}`,
    port,
    async start() {
      const words = ['--port', String(port), '--bind', '127.0.0.1', '--save', '']
      // One program under several names: this one serves.
      child = spawn(path, words, { argv0: 'redis-server', env: { ...process.env, ...env } })
      await readiness(child)
    },
    async kill() {
      if (!child || child.exitCode !== null || child.signalCode !== null) return
      const ended = once(child, 'exit')
      child.kill('SIGKILL')
      await ended
    },
    pause: () => void child?.kill('SIGSTOP'),
    resume: () => void child?.kill('SIGCONT'),
  }
  await redis.start()
  return redis
}

function readiness(child: ChildProcess): Promise<void> {
  return new Promise((resolve, reject) => {
    let said = ''
    const fail = (reason: string) => reject(new Unprepared(`Redis ${reason}.\n${said}`))
    const limit = setTimeout(() => fail('did not start'), START_LIMIT_MS)
    child.once('error', (error) => fail(`did not start: ${error.message}`))
    child.once('exit', () => {
      clearTimeout(limit)
      fail('ended while it started')
    })
    for (const stream of [child.stdout, child.stderr])
      stream?.setEncoding('utf8').on('data', (part: string) => {
        said = (said + part).slice(-20_000)
        if (!said.includes('Ready to accept connections')) return
        clearTimeout(limit)
        resolve()
      })
  })
}
