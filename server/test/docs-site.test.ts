import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { type Browser, chromium, type Page } from 'playwright-core'
import { type ServerProcess, startProcess } from './server-process.ts'

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
let server: ServerProcess
let browser: Browser

before(async () => {
  server = await startProcess({ DATA_DIR: folder })
  const executablePath = process.env.TEST_CHROMIUM ?? 'chromium'
  browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
})
after(async () => {
  await browser?.close()
  await server?.kill()
  rmSync(folder, { recursive: true, force: true })
})

/** A window on the documentation; what the browser complains of is a failure. */
async function open(width: number, colorScheme: 'light' | 'dark' = 'light'): Promise<Page> {
  const page = await browser.newPage({ viewport: { width, height: 800 }, colorScheme })
  page.setDefaultTimeout(20_000)
  page.on('pageerror', (cause) => assert.fail(cause.message))
  page.on('console', (line) => {
    if (line.type() === 'error') assert.fail(line.text())
  })
  page.on('request', (request) => assert.ok(request.url().startsWith(server.base), request.url()))
  return page
}

test('pages of every kind are open to all readers, narrow and wide, light and dark', async () => {
  for (const [width, scheme] of [
    [390, 'dark'],
    [1280, 'light'],
  ] as const) {
    const page = await open(width, scheme)
    for (const path of ['', '/concepts', '/comparison', '/api/usage']) {
      await page.goto(`${server.base}/docs${path}`)
      const wide = await page.evaluate('document.documentElement.scrollWidth - innerWidth')
      assert.ok(Number(wide) <= 0, `${path} is ${wide} wider than ${width}`)
      // As an expression of the test and not as a script of the page, which our policy would refuse.
      await page.evaluate(axe)
      const found = await page.evaluate(
        'axe.run().then(({ violations }) => violations.map(({ id, nodes }) => `${id}: ${nodes[0].html}`))',
      )
      assert.deepEqual(found, [], `${path} at ${width}`)
    }
    await page.close()
  }
})

test('whoever types a slash and a word is led to its part by the keyboard alone', async () => {
  const page = await open(1280)
  await page.goto(`${server.base}/docs`)
  await page.keyboard.press('/')
  await page.keyboard.type('too_many_login')
  await page.getByRole('option').first().waitFor()
  const input = page.getByRole('combobox')
  assert.equal(await input.getAttribute('aria-expanded'), 'true')
  await page.keyboard.press('Escape')
  assert.equal(await page.getByRole('option').count(), 0)
  await page.keyboard.type('signing out')
  await page.getByRole('option').first().waitFor()
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('ArrowUp')
  await page.keyboard.press('Enter')
  await page.waitForURL(/\/docs\/[a-z-]+(#.+)?$/)
  assert.notEqual(new URL(page.url()).pathname, '/docs')
  await page.keyboard.press('/')
  await page.keyboard.type('zzzzzz')
  await page.getByText('Nothing is called so.').waitFor()
  await page.close()
})

test('without a script every page can be read and reached', async () => {
  const context = await browser.newContext({ javaScriptEnabled: false })
  const page = await context.newPage()
  await page.goto(`${server.base}/docs`)
  assert.equal(await page.getByRole('combobox').isVisible(), false)
  await page.getByRole('navigation').getByRole('link', { name: 'Concepts' }).click()
  await page.waitForURL('**/docs/concepts')
  assert.ok(await page.getByRole('img').first().isVisible())
  await context.close()
})
