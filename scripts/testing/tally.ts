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
    // A test says where it was written, which may be a helper of many files. Each file has a sum of its own.
    if (type === 'test:summary' && data.file !== undefined && !data.success) red.add(data.file)
    // One that died before its sum is a failed test that has its name.
    if (type === 'test:fail' && data.file?.endsWith(data.name)) red.add(data.file)
    if (type === 'test:summary' && data.file === undefined) {
      passed = data.counts.passed
      failed = data.counts.tests - passed
    }
  }
  const told: Tally = { passed, failed, red: [...red] }
  yield JSON.stringify(told)
}
