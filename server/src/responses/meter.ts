import type { App, Call } from '../context.ts'
import type { Model } from '../models-file.ts'
import type { Usage } from './usage.ts'

/** One call on its owner's account: exactly one of the two ends it. */
export interface Meter {
  settle(usage: Usage): void
  /** Nothing was answered, so nothing is owed. */
  abandon(): void
}

/** What counts calls. Empty until a ledger is put in its place. */
export type OpenMeter = (
  call: Pick<Call, 'principal' | 'now'> & { readonly app: App },
  model: Pick<Model, 'name' | 'inputPrice' | 'outputPrice'>,
  expected: Usage,
) => Promise<Meter>

/** Writes what a call took to the log; whoever asks twice to end it is not heard. */
export const openMeter: OpenMeter = async ({ app, principal }, model) => {
  let open = true
  return {
    settle(usage) {
      if (!open) return
      open = false
      const count = usage.inputTokens + usage.outputTokens
      const userId = principal?.userId ?? ''
      app.log.info({ event: 'model.used', reason: model.name, userId, count })
    },
    abandon() {
      open = false
    },
  }
}
