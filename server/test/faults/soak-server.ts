import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { createApp } from '../../src/app.ts'
import { sealEvents } from '../../src/auth/audit-chain.ts'
import { readConfig } from '../../src/config.ts'

/*
 * A server whose clock leaps when it is told to, so that everything that is kept for months comes to its end while
 * somebody watches. After each leap it sweeps, and says what it holds.
 */

/** What a server says of itself. */
export interface Holding {
  readonly rss: number
  readonly heap: number
  /** Rows that the last sweep took away. */
  readonly swept: number
  readonly maps: Readonly<Record<string, number>>
}

setFlagsFromString('--expose-gc')
const collect: () => void = runInNewContext('gc')

let ahead = 0
const now = () => Date.now() + ahead
const running = await createApp(readConfig(process.env), { now })
await running.http.listen({ port: 0, host: '127.0.0.1' })
running.start()
const { app } = running

async function leap(ms: number): Promise<Holding> {
  ahead += ms
  while ((await sealEvents(app.store.audit)) > 0);
  await app.usage.flush()
  await app.keyUses.flush()
  const swept = await app.store.sweep.expired(now(), app.config)
  collect()
  const { rss, heapUsed: heap } = process.memoryUsage()
  const maps = {
    canaries: app.canaries.size,
    reached: app.reached.size,
    keyNetworks: app.keyNetworks.size,
  }
  return { rss, heap, swept, maps }
}

process.on('message', async (ms: number | 'stop') => {
  if (ms !== 'stop') return void process.send?.(await leap(ms))
  await running.close()
  process.exit(0)
})
const bound = running.http.server.address()
process.send?.({ port: typeof bound === 'object' ? bound?.port : 0 })
