import { after } from 'node:test'

/** How long a file may go on after its last test. */
const PATIENCE_MS = 20_000

/*
 * Loaded ahead of every test file. What a failed test left open keeps its file running for ever: such a file ends
 * here, and counts as failed. A file that left nothing open is gone before.
 */
if (process.env.NODE_TEST_CONTEXT) {
  after(() => {
    setTimeout(() => {
      console.error(`${process.argv[1]}: its tests are over and something is still open`)
      process.exit(1)
    }, PATIENCE_MS).unref()
  })
}
