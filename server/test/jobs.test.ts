import assert from 'node:assert/strict'
import { test } from 'node:test'
import { every } from '../src/jobs.ts'
import { createLog } from '../src/log.ts'

test('a job that takes long is begun once, a failure waits for the next round, and a stop for its end', async (context) => {
  context.mock.timers.enable({ apis: ['setInterval'] })
  const lines: string[] = []
  const log = createLog('info', (line) => lines.push(line))
  let begun = 0
  let end = () => {}
  const jobs = every({ log }, 1000, 'a job', async () => {
    begun += 1
    await new Promise<void>((resolve) => {
      end = resolve
    })
    if (begun === 1) throw new Error('not this time')
  })
  const settled = () => new Promise((resolve) => setImmediate(resolve))
  context.mock.timers.tick(100_000)
  assert.equal(begun, 1)
  end()
  await settled()
  assert.equal(begun, 1, 'the rounds that came meanwhile are left out')
  assert.equal(lines.length, 1)

  context.mock.timers.tick(1000)
  assert.equal(begun, 2)
  let isStopped = false
  const stopped = jobs.stop().then(() => {
    isStopped = true
  })
  await settled()
  assert.equal(isStopped, false)
  end()
  await stopped
  context.mock.timers.tick(10_000)
  assert.equal(begun, 2)
})
