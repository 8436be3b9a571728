import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'

/** The way between a server and its PostgreSQL: it can be long, lead nowhere, or end somebody's life. */
export interface Road {
  /** The database, by this road. */
  readonly url: string
  /** From now on each message to the database takes so long. */
  delay(ms: number): void
  /** From now on nothing arrives, and nobody is told. */
  swallow(): void
  /** All is as it was, also for what was swallowed: those connections break. */
  mend(): void
  /** Every connection breaks, and others may come; the ports from which PostgreSQL saw them. */
  sever(): number[]
  /** Calls `act` once, when the so manyth message from now on comes by; what becomes of it is what `act` says. */
  at(count: number, act: () => Fate): void
  close(): Promise<void>
}

/** Of a message: after it, or in its middle, its connection may break, or fall silent. */
export type Fate = 'goes on' | 'is lost' | 'is the last' | 'stops half-way'

export async function openRoad(to: string): Promise<Road> {
  const target = new URL(to)
  const sockets = new Set<Socket>()
  const ports = new Map<Socket, number>()
  let delayMs = 0
  let isSwallowing = false
  let left = Number.POSITIVE_INFINITY
  let act: () => Fate = () => 'goes on'
  const fateOf = (): Fate => {
    left -= 1
    const fate = left === 0 ? act() : 'goes on'
    return isSwallowing ? 'is lost' : fate
  }
  const gate = createServer((near) => {
    const far = connect(Number(target.port), target.hostname)
    for (const each of [near, far]) sockets.add(each)
    far.on('connect', () => far.localPort && ports.set(far, far.localPort))
    far.on('close', () => ports.delete(far))
    // One after the other, in the order in which they came.
    let last = Promise.resolve()
    near.on('data', (bytes) => {
      const fate = fateOf()
      if (fate === 'is lost') return
      if (fate !== 'goes on') return end(near, far, bytes, fate)
      const arrives = delayMs ? wait(delayMs) : null
      last = last.then(async () => {
        await arrives
        if (!isSwallowing && far.writable) far.write(bytes)
      })
    })
    far.on('data', (bytes) => !isSwallowing && near.write(bytes))
    couple(near, far, sockets)
    couple(far, near, sockets)
  }).listen(0, '127.0.0.1')
  await once(gate, 'listening')
  const breakAll = () => {
    for (const socket of sockets) socket.destroy()
  }
  const { port } = gate.address() as { port: number }
  return {
    url: Object.assign(new URL(to), { port: String(port) }).href,
    delay: (ms) => {
      delayMs = ms
    },
    swallow: () => {
      isSwallowing = true
    },
    mend() {
      if (isSwallowing) breakAll()
      isSwallowing = false
      delayMs = 0
    },
    sever() {
      const severed = [...ports.values()]
      breakAll()
      return severed
    },
    at(count, then) {
      left = count
      act = then
    },
    async close() {
      const closed = once(gate, 'close')
      gate.close()
      breakAll()
      await closed
    },
  }
}

/** Nothing is heard of this message any more. */
function end(near: Socket, far: Socket, bytes: Buffer, fate: Fate): void {
  far.removeAllListeners('data').resume()
  near.removeAllListeners('data').resume()
  if (fate === 'stops half-way') far.write(bytes.subarray(0, bytes.length / 2))
  else far.end(bytes, () => near.destroy())
}

/** Where one end goes, the other goes. */
function couple(one: Socket, other: Socket, sockets: Set<Socket>): void {
  one.on('error', () => other.destroy())
  one.on('close', () => {
    sockets.delete(one)
    other.destroy()
  })
}
