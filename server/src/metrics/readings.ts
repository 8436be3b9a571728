import { isSurge } from '../auth/surge.ts'
import type { App } from '../context.ts'
import { BACKUP_SETTING } from '../store/settings.ts'
import { version } from '../version.ts'
import type { Metrics } from './metrics.ts'

const HOUR = 3_600_000

/** Brings the gauges up to date, at each reading. While the database is away, what only it knows is left out. */
export async function takeReadings(app: App, metrics: Metrics): Promise<void> {
  const { now } = metrics
  now.build.set({ version, node: process.version, database: app.store.inspection.engine }, 1)
  readProcess(metrics)
  const { waiting, working, threads } = app.hasher.load()
  now.hashing.set({ state: 'waiting' }, waiting)
  now.hashing.set({ state: 'working' }, working)
  now.hashThreads.set(threads)
  now.open.set(app.upstreams.open)
  for (const { name } of app.models.upstreams) {
    now.failing.set({ upstream: name }, app.upstreams.isFailing(name) ? 1 : 0)
  }
  now.feed.set(app.feed.standing(app.now()).lives ? 1 : 0)
  now.alone.set(app.limiter.standing() === 'alone' ? 1 : 0)
  now.databaseLog.set(app.store.inspection.logBytes() ?? 0)
  const answered = await readDatabase(app, metrics).then(
    () => true,
    () => false,
  )
  now.databaseUp.set(answered ? 1 : 0)
  if (answered) return
  now.mails.reset()
  now.hooks.reset()
  for (const gauge of [now.oldestMail, now.oldestHook, now.wrongCodes, now.surge, now.backup])
    gauge.remove()
}

async function readDatabase(app: App, { now }: Metrics): Promise<void> {
  const { outbox, audit, settings, deliveries } = app.store
  const at = app.now()
  const [waiting, oldest, wrong, surge, backup, hooks] = await Promise.all([
    outbox.countWaiting(at),
    outbox.oldestWaiting(at),
    audit.countSince('code.refused', at - HOUR),
    isSurge(app, at),
    settings.find(BACKUP_SETTING),
    deliveries.countWaiting(),
  ])
  now.mails.set({ state: 'queued' }, waiting.queued)
  now.mails.set({ state: 'delayed' }, waiting.delayed)
  now.oldestMail.set(oldest === null ? 0 : (at - oldest) / 1000)
  now.hooks.set({ state: 'queued' }, hooks.queued)
  now.hooks.set({ state: 'retrying' }, hooks.retrying)
  now.oldestHook.set(hooks.oldest === null ? 0 : (at - hooks.oldest) / 1000)
  now.wrongCodes.set(wrong)
  now.surge.set(surge ? 1 : 0)
  now.backup.set(Number(backup ?? 0) / 1000)
}

function readProcess({ now, count, loop }: Metrics): void {
  const { rss, heapUsed } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  now.resident.set(rss)
  now.heap.set(heapUsed)
  count.cpu.reset()
  count.cpu.inc((user + system) / 1e6)
  now.started.set(performance.timeOrigin / 1000)
  // Of a histogram that saw nothing yet the percentiles are no numbers.
  const seconds = (nanoseconds: number) => (loop.count ? nanoseconds / 1e9 : 0)
  now.loop.set({ quantile: '0.5' }, seconds(loop.percentile(50)))
  now.loop.set({ quantile: '0.99' }, seconds(loop.percentile(99)))
  now.loop.set({ quantile: '1' }, seconds(loop.max))
  loop.reset()
}
