import { isAbsolute } from 'node:path'
import type { TestEvent } from 'node:test/reporters'

/** What a run came to. */
export interface Tally {
  readonly passed: number
  readonly failed: number
  /** The files with a red test, by their paths. */
  readonly red: readonly string[]
}

/** A reporter for `node --test`, which takes default exports only: a Tally as JSON, once all is over. */
export default async function* tally(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const red = new Set<string>()
  let [passed, failed] = [0, 0]
  for await (const { type, data } of events) {
    if (type === 'test:fail') {
      const file = data.file ?? data.name
      if (isAbsolute(file)) red.add(file)
    }
    if (type === 'test:summary' && data.file === undefined) {
      passed = data.counts.passed
      failed = data.counts.tests - passed
    }
  }
  const told: Tally = { passed, failed, red: [...red] }
  yield JSON.stringify(told)
}
