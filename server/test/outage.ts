import { once } from 'node:events'
import { readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import type { Place } from './databases.ts'

/** A database that can go away under a server that runs, and come back. */
export interface Outage {
  /** Where the server finds its database. */
  readonly url: string
  fall(): Promise<void>
  /** It is there and says nothing more: stopped, or behind a network that swallows. Only PostgreSQL can be so. */
  hush?(): void
  rise(): Promise<void>
  end(): Promise<void>
}

/** A socket between the server and PostgreSQL: when it falls, every connection breaks and no other is taken. */
export async function postgresOutage(place: Place): Promise<Outage> {
  const target = new URL(place.url)
  const sockets = new Set<Socket>()
  let isSilent = false
  const open = async (port: number): Promise<Server> => {
    const gate = createServer((near) => {
      if (isSilent) return void sockets.add(near)
      const far = connect(Number(target.port), target.hostname)
      for (const [from, to] of [
        [near, far],
        [far, near],
      ] as const) {
        sockets.add(from)
        from.pipe(to)
        from.on('error', () => to.destroy())
        from.on('close', () => {
          sockets.delete(from)
          to.destroy()
        })
      }
    }).listen(port, '127.0.0.1')
    await once(gate, 'listening')
    return gate
  }
  let gate = await open(0)
  const { port } = gate.address() as { port: number }
  const fall = async () => {
    const closed = once(gate, 'close')
    gate.close()
    for (const socket of sockets) socket.destroy()
    if (gate.listening || sockets.size) await closed
  }
  const url = Object.assign(new URL(place.url), { port: String(port) })
  return {
    url: url.href,
    fall,
    hush() {
      isSilent = true
      for (const socket of sockets) socket.unpipe().pause()
    },
    async rise() {
      isSilent = false
      gate = await open(port)
    },
    end: fall,
  }
}

/** A disk that lost the pages of the file; what the server had of them in memory is out of date. */
export function sqliteOutage(place: Place): Outage {
  let kept = Buffer.alloc(0)
  const own = <T>(work: (database: DatabaseSync) => T): T => {
    const database = new DatabaseSync(place.url)
    try {
      return work(database)
    } finally {
      database.close()
    }
  }
  const touch = (database: DatabaseSync) =>
    database.exec(
      "INSERT INTO settings VALUES ('touched', '') ON CONFLICT DO UPDATE SET value = value || '.'",
    )
  return {
    url: place.url,
    async fall() {
      own((database) => {
        database.exec('PRAGMA wal_checkpoint(TRUNCATE)')
        touch(database)
        kept = readFileSync(place.url)
        truncateSync(place.url, 0)
      })
    },
    async rise() {
      writeFileSync(place.url, kept)
      own(touch)
    },
    async end() {},
  }
}
