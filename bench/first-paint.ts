import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Browser, chromium } from 'playwright-core'
import { prepareChromium } from '../scripts/testing/chromium.ts'
import { createApp } from '../server/src/app.ts'
import { readConfig } from '../server/src/config.ts'
import { createLog } from '../server/src/log.ts'

/**
 * How long until the sign-in page is seen: from the navigation to the first contentful paint, as Chromium says it, each
 * load in a window that has kept nothing. And what the pages weigh on their way, packed as a browser asks for them.
 */
const LOADS = 20
const WARM_UP = 3

interface Load {
  readonly paintMs: number
  readonly bytes: number
}

/** Runs in the page: its first contentful paint, and the bytes of all that came for it. */
const told = `new Promise((resolve) => {
  const answer = () => {
    const [paint] = performance.getEntriesByName('first-contentful-paint')
    const all = [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
    const bytes = all.reduce((sum, entry) => sum + entry.encodedBodySize, 0)
    if (paint) resolve({ paintMs: paint.startTime, bytes })
    else setTimeout(answer, 5)
  }
  answer()
})`

const dataDir = mkdtempSync(join(tmpdir(), 'freddy-bench-'))
const config = readConfig({ DATA_DIR: dataDir, HASH_THREADS: '1', LIMITS: 'requests=off' })
const running = await createApp(config, { log: createLog('error') })
running.start()
const executablePath = process.env.TEST_CHROMIUM ?? (await prepareChromium())
const browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
try {
  await running.http.listen({ port: 0, host: '127.0.0.1' })
  const { port } = running.http.server.address() as AddressInfo
  const page = `http://localhost:${port}/sign-in`
  const loads: Load[] = []
  for (let round = -WARM_UP; round < LOADS; round++) {
    const load = await measure(browser, page)
    if (round >= 0) loads.push(load)
  }
  report(loads)
} finally {
  await browser.close()
  await running.close()
  rmSync(dataDir, { recursive: true, force: true })
}

async function measure(from: Browser, url: string): Promise<Load> {
  const context = await from.newContext({ viewport: { width: 390, height: 800 } })
  try {
    const page = await context.newPage()
    await page.goto(url, { waitUntil: 'load' })
    return await page.evaluate<Load>(told)
  } finally {
    await context.close()
  }
}

function report(loads: readonly Load[]): void {
  const times = loads.map(({ paintMs }) => paintMs).sort((one, other) => one - other)
  const median = times[Math.floor(times.length / 2)] ?? 0
  const range = [times.at(0), times.at(-1)].map((each) => each?.toFixed(0)).join(' to ')
  const bytes = Math.max(...loads.map((load) => load.bytes))
  process.stdout.write(
    `sign-in, ${LOADS} loads: first contentful paint, median ${median.toFixed(0)} ms, ${range} ms; ${(bytes / 1024).toFixed(1)} kB in all\n`,
  )
}
