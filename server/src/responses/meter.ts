import type { App, Call } from '../context.ts'
import type { Model } from '../models-file.ts'
import { type Soon, whenFailed, whenHere } from '../soon.ts'
import { abandon, letGo, type Reservation, reserve, settle, spenderOf } from './ledger.ts'
import { waitForRaise } from './raise-waits.ts'
import type { Usage } from './usage.ts'

/** One call on its owner's account: the first of the three ends it, and whoever asks again is not heard. */
export interface Meter {
  /** Books what the model server says it took. */
  settle(usage: Usage): void
  /** Books our guess, since the model server told nothing. */
  estimate(usage: Usage): void
  /** Nothing was answered, so nothing is owed; the code of the failure says why. */
  release(code: string): void
}

type Priced = Pick<Model, 'name' | 'inputPrice' | 'outputPrice'>

/** Holds the most that a call can come to; 402 at a cap. */
export function openMeter(
  call: Call<unknown, unknown, unknown>,
  model: Priced,
  most: Usage,
): Soon<Meter> {
  const { app } = call
  const asked = { ...spenderOf(call), model: model.name, most: priced(model, most) }
  return whenHere(waitForRaise(call, asked), ({ now, spending }) =>
    whenHere(reserve({ app, now }, spending), (reservation) => meterOf(app, model, reservation)),
  )
}

function meterOf(app: App, model: Priced, reservation: Reservation): Meter {
  let open = true
  const end = (book: () => Soon<void>) => {
    if (!open) return
    open = false
    // What the database cannot take now waits in the queue, and is tried again.
    whenFailed(book, (cause) => app.log.warn({ event: 'ledger', cause }))
  }
  return {
    settle: (usage) => end(() => settle(app, reservation, priced(model, usage))),
    estimate: (usage) => end(() => abandon(app, reservation, priced(model, usage))),
    release: (code) => end(() => letGo(app, reservation, code)),
  }
}

/** Books an answer at what was told, else at our guess. */
export function bookAnswer(meter: Meter, told: Usage | null, guessed: Usage): void {
  if (told) meter.settle(told)
  meter.estimate(guessed)
}

/** A price for a million tokens is millionths for one. */
function priced({ inputPrice, outputPrice }: Priced, usage: Usage) {
  const { inputTokens, outputTokens } = usage
  const money = Math.ceil(inputTokens * (inputPrice ?? 0) + outputTokens * (outputPrice ?? 0))
  return { inputTokens, outputTokens, money }
}
