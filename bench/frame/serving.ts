import type { Spent } from './subject.ts'

/** The other end of subject.ts, in the process that is measured: what it was asked for, and that it is ready. */
export const wishes = <Wishes>(): Wishes => JSON.parse(process.argv[2] ?? '{}') as Wishes

export function ready(
  port: number,
  told: unknown,
  close: () => unknown = () => {},
  spent: () => Spent = ownSpent,
): void {
  process.on('message', (message: { spent?: true }) => {
    if (message.spent) process.send?.(spent())
  })
  process.once('disconnect', async () => {
    await close()
    process.exit(0)
  })
  process.send?.({ port, told })
}

function ownSpent(): Spent {
  const { user, system } = process.cpuUsage()
  return { cpuMicros: user + system, residentBytes: process.memoryUsage.rss() }
}
