import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { databases } from './databases.ts'
import { PASSWORD } from './freddy.ts'
import { type ServerProcess, startProcess } from './server-process.ts'

const EMAIL = 'ada@example.com'
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const widths = [390, 768, 1280]

let opened: Promise<Browser> | null = null
after(async () => (await opened)?.close())

/** One browser for all, begun by the first who asks. */
function browser(): Promise<Browser> {
  const executablePath = process.env.TEST_CHROMIUM ?? 'chromium'
  opened ??= chromium.launch({ executablePath, args: ['--no-sandbox'] })
  return opened
}

interface Place {
  readonly server: ServerProcess
  readonly base: string
  readonly context: BrowserContext
  readonly page: Page
}

/** A server of its own on each database, and a window on it. */
function visit(
  name: string,
  tell: (place: Place, t: TestContext) => Promise<void>,
  options: { javaScriptEnabled?: boolean; userAgent?: string } = {},
): void {
  for (const { name: engine, open } of databases) {
    test(`${name} (${engine})`, async (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
      t.after(() => rmSync(folder, { recursive: true, force: true }))
      const database = engine === 'PostgreSQL' ? await open() : null
      if (database) t.after(() => database.drop())
      const env: Record<string, string> = { DATA_DIR: folder }
      if (database) env.DATABASE_URL = database.url
      const server = await startProcess(env)
      t.after(() => server.kill())
      const context = await (await browser()).newContext({ reducedMotion: 'reduce', ...options })
      t.after(() => context.close())
      context.setDefaultTimeout(20_000)
      const base = server.base.replace('127.0.0.1', 'localhost')
      await tell({ server, base, context, page: await context.newPage() }, t)
    })
  }
}

const linkIn = ({ said }: ServerProcess, part: string) =>
  new RegExp(`http:\\S+${part}\\S+`).exec(said)?.[0] ?? assert.fail(`${part} is in no link`)

/** Makes the first account by the set-up link, with a code from the inbox. */
async function setUp(place: Place): Promise<void> {
  const { page, server } = place
  await page.goto(linkIn(server, '/setup\\?t='))
  await page.getByLabel('E-mail address').fill(EMAIL)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Create the account' }).click()
  await page.getByLabel('Code').fill(await readCode(place))
  await page.waitForURL('**/hub')
}

/** Where the page puts whoever types, without a click; it does so a moment after it is loaded. */
async function focusOn(page: Page, id: string): Promise<void> {
  await page.waitForFunction(`document.activeElement?.id === ${JSON.stringify(id)}`)
}

async function readCode({ context, server }: Place, after = ''): Promise<string> {
  const inbox = await context.newPage()
  for (let looks = 0; looks < 50; looks++) {
    await inbox.goto(looks ? inbox.url() : linkIn(server, '/dev/inbox\\?word='))
    const code = (await inbox.locator('.big-code').allTextContents())[0]
    if (code && code !== after) {
      await inbox.close()
      return code
    }
  }
  throw new Error('no code in the inbox')
}

/** No rule of axe is broken, nothing runs over the edge, at every width, in the light and in the dark. */
async function look(page: Page): Promise<void> {
  const where = new URL(page.url()).pathname
  await page.evaluate(axe)
  for (const width of widths) {
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize({ width, height: 800 })
      await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' })
      const found = await page.evaluate<string[]>(complaints)
      assert.deepEqual(found, [], `${where} at ${width}, ${colorScheme}`)
    }
  }
}

/** Runs in the page. */
const complaints = `(async () => {
  const frame = () => new Promise(requestAnimationFrame)
  await frame().then(frame)
  await Promise.all(document.getAnimations().map((each) => each.finished.catch(() => {})))
  const { violations } = await axe.run()
  const told = violations.map(({ id, nodes }) => id + ': ' + nodes.map((node) => node.html))
  const isWide = document.documentElement.scrollWidth > innerWidth
  return isWide ? [...told, 'runs over the edge'] : told
})()`

visit('every page is for everybody, at every width, light and dark', async (place) => {
  const { page, base, server } = place
  const problems: string[] = []
  page.on('pageerror', (error) => problems.push(error.message))
  page.on('console', (line) => {
    if (/Content Security Policy|TrustedHTML/.test(line.text())) problems.push(line.text())
  })
  for (const path of ['/sign-in', '/register', '/forgot', '/setup?t=over']) {
    await page.goto(base + path)
    await look(page)
  }
  await page.goto(linkIn(server, '/dev/inbox\\?word='))
  await look(page)
  await page.goto(`${base}/forgot`)
  await page.getByLabel('E-mail address').fill('nobody@example.com')
  await page.getByRole('button', { name: 'Send the code' }).click()
  await page.getByLabel('New password').waitFor()
  await look(page)
  await setUp(place)
  await page.goto(`${base}/device`)
  await look(page)
  for (const name of [
    'keys',
    'try',
    'security',
    'usage',
    'account',
    'admin',
    'admin/mails',
    'admin/trail',
    'admin/system',
  ]) {
    const path = `/hub/${name}`
    await page.goto(base + path)
    await page.locator('h1').waitFor()
    const waiting = page.locator('[aria-busy=true]')
    while (await waiting.count()) await waiting.first().waitFor({ state: 'detached' })
    await look(page)
  }
  for (const language of ['de', 'fr']) {
    await page.setExtraHTTPHeaders({ 'accept-language': language })
    for (const path of ['/hub/security', '/hub/keys']) {
      await page.goto(base + path)
      await page.locator('h1').waitFor()
      await look(page)
    }
  }
  assert.deepEqual(problems, [])
})

visit('a key is made, shown once, and opens the API', async (place) => {
  const { page, base } = place
  await setUp(place)
  await page.getByRole('button', { name: 'Create a key' }).click()
  await page.getByLabel('Name').fill('Laptop')
  await page.getByRole('dialog').getByRole('button', { name: 'Create a key' }).click()
  const key = await page.locator('.secret').textContent()
  await look(page)
  const headers = { 'api-key': String(key), 'content-type': 'application/json' }
  const body = JSON.stringify({ model: 'echo-1', messages: [{ role: 'user', content: 'Hello' }] })
  const answer = await fetch(`${base}/v1/responses`, { method: 'POST', headers, body })
  assert.equal(answer.status, 200)
  await page.getByRole('button', { name: 'I have stored it' }).click()
  assert.equal(await page.getByText(String(key)).count(), 0)

  // That it was used is written a few seconds later.
  for (let looks = 0; looks < 40 && !(await page.getByText(/^used /).count()); looks++) {
    await page.waitForTimeout(500)
    await page.reload()
    await page.getByRole('heading', { name: 'Laptop' }).waitFor()
  }
  await page.getByRole('button', { name: 'Revoke' }).click()
  const revoke = page.getByRole('dialog').getByRole('button', { name: 'Revoke' })
  await revoke.waitFor()
  assert.ok(await revoke.isDisabled())
  await page.getByRole('dialog').getByRole('textbox').fill('Laptop')
  await revoke.click()
  await page.getByText('Laptop is revoked.').waitFor()
  const refused = await fetch(`${base}/v1/models`, { headers: { 'api-key': String(key) } })
  assert.equal(refused.status, 401)
})

visit(
  'attack 116: what people are called is text, to them and to an admin',
  async (place) => {
    const { page, base } = place
    let ran = false
    page.on('dialog', () => {
      ran = true
    })
    await setUp(place)
    for (const name of [
      '<svg onload=alert(1)>',
      '{{constructor}}',
      '"><script>alert(1)</script>',
    ]) {
      await page.goto(`${base}/hub/keys`)
      await page.getByRole('button', { name: 'Create a key' }).click()
      await page.getByLabel('Name').fill(name)
      await page.getByRole('dialog').getByRole('button', { name: 'Create a key' }).click()
      await page.getByRole('button', { name: 'I have stored it' }).click()
      await page.getByRole('heading', { name }).waitFor()
    }
    for (const path of ['/hub/security', '/hub/admin/trail', '/hub/admin']) {
      await page.goto(base + path)
      await page.locator('.list').first().waitFor()
    }
    assert.equal(ran, false)
    assert.equal(await page.locator('svg[onload], img[onerror]').count(), 0)
  },
  { userAgent: '<img src=x onerror=alert(1)>' },
)

visit('the keyboard alone signs in, and a pasted code goes by itself', async (place) => {
  const { page, base } = place
  await setUp(place)
  const first = await readCode(place)
  await page.getByRole('button', { name: 'Sign out' }).press('Enter')
  await page.waitForURL('**/sign-in?told=signedOut')
  await page.goto(`${base}/sign-in?next=%2Fhub%2Fsecurity`)
  await focusOn(page, 'email_or_username')
  await page.keyboard.type(EMAIL)
  await page.keyboard.press('Tab')
  await page.keyboard.type(PASSWORD)
  await page.keyboard.press('Enter')
  await page.waitForURL('**/sign-in/code**')
  const code = await readCode(place, first)
  await focusOn(page, 'verification_code')
  await page.keyboard.insertText(`${code.slice(0, 2)} ${code.slice(2)}`)
  await page.waitForURL('**/hub/security')
})

visit('a passkey takes the place of the mailed code', async (place) => {
  const { page, base } = place
  await setUp(place)
  const cdp = await page.context().newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
  await page.goto(`${base}/hub/security`)
  await page.getByRole('button', { name: 'Add a passkey' }).click()
  await page.getByLabel('Name').fill('This laptop')
  await page.getByRole('dialog').getByRole('button', { name: 'Add a passkey' }).click()
  await page.getByRole('heading', { name: 'This laptop' }).waitFor()

  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByLabel('E-mail or user name').fill(EMAIL)
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('button', { name: 'Use a passkey' }).click()
  await page.waitForURL('**/hub')
})

visit(
  'signing in works with scripts turned off',
  async (place) => {
    const { page, server } = place
    await page.goto(linkIn(server, '/setup\\?t='))
    await page.getByLabel('E-mail address').fill(EMAIL)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Create the account' }).click()
    await page.getByLabel('Code').fill(await readCode(place))
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.waitForURL('**/hub')
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByText('You are signed out.').waitFor()
  },
  { javaScriptEnabled: false },
)

visit(
  'who signs out in one tab is out of all, and a server that is gone is told',
  async (place) => {
    const { page, base, context, server } = place
    await setUp(place)
    const first = await readCode(place)
    const other = await context.newPage()
    await other.goto(`${base}/hub/keys`)
    await other.getByRole('button', { name: 'Sign out' }).waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    await other.waitForURL('**/sign-in?told=signedOut')

    await page.getByLabel('E-mail or user name').fill(EMAIL)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.getByLabel('Code').fill(await readCode(place, first))
    await page.waitForURL('**/hub')
    await page.getByRole('link', { name: 'Try it' }).click()
    await server.kill()
    await page.getByLabel('Question').fill('Hello')
    await page.getByRole('button', { name: 'Ask' }).click()
    await page.locator('.offline').waitFor()
  },
)
