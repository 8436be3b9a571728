import type { App } from '../context.ts'

/** As far apart as two servers may be and still take each other's tokens. */
const MOST_APART_MS = 30_000

/** Milliseconds between this server's clock and the database's. Half of the way there and back is not the clock's. */
export async function driftOf({ now, store }: Pick<App, 'now' | 'store'>): Promise<number> {
  const before = now()
  const there = await store.inspection.now()
  return Math.abs(there - (before + now()) / 2)
}

/** Says so when this server's tokens are from the future elsewhere: all servers share the database's clock. */
export async function noticeDrift(app: Pick<App, 'now' | 'store' | 'log'>): Promise<void> {
  const milliseconds = await driftOf(app)
  if (milliseconds > MOST_APART_MS) app.log.warn({ event: 'clock.apart', milliseconds })
}
