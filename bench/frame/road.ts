import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** The way between a server and its PostgreSQL, where its trips are counted and where it can be cut. */
export interface Road {
  /** The database, by this road. */
  readonly url: string
  /** How often the server spoke after it was answered, over all connections: each time it then waits again. */
  trips(): number
  /** From now on each answer takes so long to come: statements that go out together are on their way before the first. */
  hold(ms: number): void
  /** Breaks what is open, and opens nothing any more. */
  cut(): Promise<void>
}

export async function openRoad(to: string): Promise<Road> {
  const target = new URL(to)
  const sockets = new Set<Socket>()
  let trips = 0
  let delayMs = 0
  const gate = createServer({ noDelay: true }, (near) => {
    const far = connect({ port: Number(target.port), host: target.hostname, noDelay: true })
    let isWaiting = false
    near.on('data', (bytes) => {
      if (!isWaiting) trips += 1
      isWaiting = true
      far.write(bytes)
    })
    const answer = (bytes: Buffer) => {
      isWaiting = false
      near.write(bytes)
    }
    far.on('data', (bytes) => {
      if (delayMs) setTimeout(answer, delayMs, bytes)
      else answer(bytes)
    })
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => {
        sockets.delete(one)
        other.destroy()
      })
    }
  }).listen(0, '127.0.0.1')
  await once(gate, 'listening')
  const { port } = gate.address() as { port: number }
  return {
    url: Object.assign(new URL(to), { port: String(port) }).href,
    trips: () => trips,
    hold: (ms) => {
      delayMs = ms
    },
    async cut() {
      if (!gate.listening) return
      const closed = once(gate, 'close')
      gate.close()
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
