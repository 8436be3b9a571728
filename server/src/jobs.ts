import { sealEvents } from './auth/audit-chain.ts'
import { tellOfCanaries } from './auth/canary.ts'
import { noticeDrift } from './auth/clock-drift.ts'
import { remindOwners } from './auth/key-reminder.ts'
import { noticeBombing, noticeStuffing } from './auth/surge.ts'
import type { App } from './context.ts'
import { settleOverdue } from './responses/ledger.ts'
import { MOST_LOG_BYTES } from './store/sqlite-log.ts'

const SWEEP_EVERY_MS = 60_000
const SEAL_EVERY_MS = 5_000
const LOOK_EVERY_MS = 60_000
const BILL_EVERY_MS = 1_000
const REMIND_EVERY_MS = 600_000
const RENEW_EVERY_MS = 60_000
const SEE_EVERY_MS = 5_000

/** What is done when nobody asks: sealing the audit trail, noting what was seen, sweeping what is over, looking for attacks on the whole. */
export interface Jobs {
  stop(): Promise<void>
}

export function startJobs(app: App): Jobs {
  const jobs = [
    every(app, SEAL_EVERY_MS, 'audit.seal', () => sealEvents(app.store.audit)),
    every(app, BILL_EVERY_MS, 'usage.write', () => app.usage.flush()),
    every(app, BILL_EVERY_MS, 'keys.canaries', () => tellOfCanaries(app)),
    every(app, SEE_EVERY_MS, 'keys.uses', () => app.keyUses.flush()),
    every(app, SEE_EVERY_MS, 'session.see', () => app.sightings.flush()),
    every(app, SWEEP_EVERY_MS, 'usage.settle', () => settleOverdue(app, app.now())),
    every(app, SWEEP_EVERY_MS, 'sweep', () => app.store.sweep.expired(app.now(), app.config)),
    every(app, REMIND_EVERY_MS, 'keys.remind', () => remindOwners(app, app.now())),
    every(app, RENEW_EVERY_MS, 'keys.renew', () => app.signingKeys.renew(app.now())),
    every(app, LOOK_EVERY_MS, 'clock', () => noticeDrift(app)),
    every(app, LOOK_EVERY_MS, 'database.log', async () => warnOfLog(app)),
    every(app, LOOK_EVERY_MS, 'stuffing', () => noticeStuffing(app, app.now())),
    every(app, LOOK_EVERY_MS, 'bombing', () => noticeBombing(app, app.now())),
  ]
  return {
    async stop() {
      await Promise.all(jobs.map((job) => job.stop()))
    },
  }
}

/** Somebody reads SQLite for long, a copy or a shell that was forgotten: until they are done the log only grows. */
export function warnOfLog({ log, store }: Pick<App, 'log' | 'store'>): void {
  const bytes = store.inspection.logBytes() ?? 0
  if (bytes > MOST_LOG_BYTES) log.warn({ event: 'database.log', reason: 'grows', count: bytes })
}

/** Never twice at once: a round that comes while one is under way is left out, and a failure waits for the next. */
export function every(
  { log }: Pick<App, 'log'>,
  ms: number,
  event: string,
  work: () => Promise<unknown>,
): Jobs {
  let running: Promise<void> | null = null
  const run = async () => {
    try {
      await work()
    } catch (cause) {
      log.warn({ event, cause })
    }
    running = null
  }
  const timer = setInterval(() => {
    running ??= run()
  }, ms).unref()
  return {
    async stop() {
      clearInterval(timer)
      await running
    },
  }
}
