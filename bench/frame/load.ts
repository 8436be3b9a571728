import { startChild } from './child.ts'
import type { Aim, Outcome, Run } from './generator.ts'

/** Somebody who asks, in a process of their own. */
export interface Load {
  run(run: Run): Promise<Outcome>
  end(): Promise<void>
}

export async function aimLoad(aim: Aim): Promise<Load> {
  const { child, first } = startChild(new URL('./generator.ts', import.meta.url))
  first.catch(() => {})
  await child.ask({ aim })
  return {
    run: async (run) => (await child.ask<{ outcome: Outcome }>({ run })).outcome,
    end: () => child.end(),
  }
}
