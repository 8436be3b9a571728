import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core'
import { databases } from './databases.ts'
import { PASSWORD } from './freddy.ts'
import { call, type ServerProcess, startProcess } from './server-process.ts'
import { startReceiver } from './webhook-receiver.ts'

const EMAIL = 'ada@example.com'
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
const widths = [390, 768, 1280]
const ZONE = 'Asia/Kolkata'

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
  settings: Readonly<Record<string, string>> = {},
): void {
  for (const { name: engine, open } of databases) {
    test(`${name} (${engine})`, async (t) => {
      const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
      t.after(() => rmSync(folder, { recursive: true, force: true }))
      const database = engine === 'PostgreSQL' ? await open() : null
      if (database) t.after(() => database.drop())
      const env: Record<string, string> = { ...settings, DATA_DIR: folder }
      if (database) env.DATABASE_URL = database.url
      const server = await startProcess(env)
      t.after(() => server.kill())
      const context = await (await browser()).newContext({
        reducedMotion: 'reduce',
        timezoneId: ZONE,
        ...options,
      })
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
  await page.locator(`#${id}:focus`).waitFor()
}

async function readCode({ context, server }: Place, after = ''): Promise<string> {
  const inbox = await context.newPage()
  for (let looks = 0; looks < 200; looks++) {
    if (looks) await inbox.waitForTimeout(50)
    await inbox.goto(looks ? inbox.url() : linkIn(server, '/dev/inbox\\?word='))
    const code = (await inbox.locator('.big-code').allTextContents())[0]
    if (code && code !== after) {
      await inbox.close()
      return code
    }
  }
  throw new Error('no code in the inbox')
}

/** Another person, signed in by a program, with a key. */
async function register(
  place: Place,
  email: string,
): Promise<{ id: string; token: string; key: string }> {
  const send = async (path: string, body: object, headers?: Record<string, string>) =>
    (await call(place.base, path, body, headers))?.body
  const before = await readCode(place)
  const { email_key } = await send('/v1/auth/register', { email, password: PASSWORD })
  const verification_code = await readCode(place, before)
  const { token } = await send('/v1/auth/verify', { email_key, verification_code })
  const bearer = { authorization: `Bearer ${token}` }
  const made = await send('/v1/api-keys', { name: 'ci' }, bearer)
  const me = await fetch(`${place.base}/v1/user/me`, { headers: bearer })
  const { id } = (await me.json()) as { id: string }
  return { id, token, key: made.key }
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

/** What the page reads from the server is there. */
async function settle(page: Page): Promise<void> {
  await page.locator('h1').waitFor()
  const waiting = page.locator('[aria-busy=true]')
  while (await waiting.count()) await waiting.first().waitFor({ state: 'detached' })
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
  await lookAtDevice(place)
  for (const name of [
    'keys',
    'try',
    'security',
    'usage',
    'account',
    'admin',
    'admin/mails',
    'admin/webhooks',
    'admin/trail',
    'admin/panic',
    'admin/settings',
    'admin/system',
  ]) {
    const path = `/hub/${name}`
    await page.goto(base + path)
    await settle(page)
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

/** What lets a device in tells its time in the reader's zone. */
async function lookAtDevice({ page, base }: Place): Promise<void> {
  const asked = await call(base, '/v1/auth/device', { client_id: 'freddy' })
  await page.goto(`${base}/device?user_code=${asked?.body.user_code}`)
  await page.getByRole('button', { name: 'Continue' }).click()
  const time = page.locator('time')
  const format = { dateStyle: 'medium', timeStyle: 'short', timeZone: ZONE } as const
  const at = new Date((await time.getAttribute('datetime')) ?? '')
  const local = new Intl.DateTimeFormat('en', format).format(at)
  const plain = (text: string | null) => text?.replace(/\s/g, ' ')
  assert.equal(plain(await time.textContent()), plain(local))
  await look(page)
}

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
    await settle(page)
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
  // Habit: the code is on its way already.
  await page.keyboard.press('Enter')
  await page.waitForURL('**/hub/security')
})

visit('a passkey takes the place of the mailed code, by itself or by its button', async (place) => {
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

  const begin = async () => {
    await page.getByRole('button', { name: 'Sign out' }).click()
    await page.getByLabel('E-mail or user name').fill(EMAIL)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Continue' }).click()
  }
  // Offered among what the browser fills in for the code; this authenticator takes it at once.
  await begin()
  await page.waitForURL('**/hub')
  await page.addInitScript({
    content: 'PublicKeyCredential.isConditionalMediationAvailable = async () => false',
  })
  await begin()
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

/** Longer than a narrow window is wide. */
const LONG = 'beatrice.of.the.analytical.engine.and.more@example.com'

visit(
  'an admin invites, caps, signs out and undoes, and sees before what breaks',
  async (place) => {
    const { page, base } = place
    await setUp(place)
    const bea = await register(place, LONG)
    const isIn = async () =>
      (
        await fetch(`${base}/v1/auth/validate`, {
          headers: { authorization: `Bearer ${bea.token}` },
        })
      ).status === 200
    const opens = async () =>
      (await fetch(`${base}/v1/models`, { headers: { 'api-key': bea.key } })).status === 200
    const dialog = page.getByRole('dialog')
    const press = (name: string) => page.getByRole('button', { name, exact: true }).click()
    const confirm = (name: string) => dialog.getByRole('button', { name, exact: true }).click()

    await page.goto(`${base}/hub/admin`)
    await press('Invite somebody')
    await dialog.getByLabel('E-mail address').fill('cleo@example.com')
    await confirm('Invite somebody')
    await page.getByText('cleo@example.com is invited until').waitFor()

    await page.getByRole('link', { name: LONG }).click()
    await press('Change')
    await dialog.getByLabel('tokens a day').fill('20000')
    await confirm('Save')
    await page.getByText('/ 20,000').waitFor()
    await look(page)

    await page.goto(`${base}/hub/admin/panic`)
    await page.getByLabel('Person').fill(LONG)
    await press('Show what would break')
    await page.getByText('Your own session goes on.').waitFor()
    await look(page)
    assert.deepEqual([await isIn(), await opens()], [true, true])
    await press('End all of this')
    await look(page)
    const go = dialog.getByRole('button', { name: 'End all of this' })
    assert.ok(await go.isDisabled())
    await dialog.getByRole('textbox').fill(LONG)
    await go.click()
    await page.getByText('Sessions ended: 1. Keys paused: 1.').waitFor()
    assert.deepEqual([await isIn(), await opens()], [false, false])
    // Whoever loads the page anew, or is another admin, can undo it too.
    await page.reload()
    await press('Undo')
    await page.getByText('Back again: sessions 1, keys 1.').waitFor()
    assert.deepEqual([await isIn(), await opens()], [true, true])

    await page.goto(`${base}/hub/admin`)
    await page.getByRole('link', { name: LONG }).click()
    await press('Sign out everywhere')
    await confirm('Sign out everywhere')
    await page.getByText('Sessions ended: 1.').waitFor()
    assert.deepEqual([await isIn(), await opens()], [false, true])
    await press('Disable')
    await confirm('Disable')
    await page.getByText('is signed out everywhere and let in no more').waitFor()
    await page.getByRole('heading', { name: 'user.disabled' }).waitFor()
    assert.equal(await opens(), false)
    await press('Let in again')
    await confirm('Let in again')
    await page.getByText('can sign in again').waitFor()

    await page.goto(`${base}/hub/admin/system`)
    await page.getByText('All is well.').waitFor()
    await page.route('**/v1/admin/system', (route) => route.abort())
    await press('Look again')
    await page.getByRole('alert').waitFor()
  },
)

visit(
  'an admin has events sent to an address, tests it, and sees what became of them',
  async (place) => {
    const { page, base } = place
    await setUp(place)
    const receiver = await startReceiver()
    const dialog = page.getByRole('dialog')
    const press = (name: string) => page.getByRole('button', { name, exact: true }).click()
    const confirm = (name: string) => dialog.getByRole('button', { name, exact: true }).click()
    const secret = async () => {
      const shown = await dialog.locator('.secret').textContent()
      await confirm('I have stored it')
      return String(shown)
    }

    await page.goto(`${base}/hub/admin/webhooks`)
    await press('Add an endpoint')
    await dialog.getByLabel('Address').fill('http://10.0.0.1/')
    await confirm('Add an endpoint')
    await dialog.getByRole('alert').waitFor()
    await dialog.getByLabel('Address').fill(receiver.url)
    await dialog.getByLabel('Events').fill('user.created, user.deleted')
    await confirm('Add an endpoint')
    const first = await secret()
    assert.match(first, /^whsec_/)
    await page.getByText('user.created, user.deleted').waitFor()

    await press('Test')
    await page.getByText('webhook.test').waitFor()
    const delivered = page.getByText('delivered')
    for (let looks = 0; looks < 50 && !(await delivered.isVisible()); looks++) {
      await press('Look again')
      await settle(page)
    }
    await delivered.waitFor()
    await look(page)
    await press('Rotate')
    await confirm('Rotate')
    assert.notEqual(await secret(), first)
    await page.getByText('the former secret signs until').waitFor()
    await press('Pause')
    await page.getByText('paused by an admin').waitFor()
    await press('Resume')
    await page.getByRole('button', { name: 'Pause' }).waitFor()
    await press('Remove')
    await confirm('Remove')
    await page.getByText('No endpoints yet.').waitFor()
    await receiver.close()
  },
  {},
  { WEBHOOK_ALLOW: '127.0.0.1' },
)

/** Each dialog of the Hub: the page it stands on, and the button that opens it. */
const dialogs: readonly (readonly [page: string, button: string])[] = [
  ['keys', 'Create a key'],
  ['keys', 'Rotate'],
  ['keys', 'Revoke'],
  ['usage', 'Explain'],
  ['security', 'What happened'],
  ['security', 'Stop everything'],
  ['security', 'Add a passkey'],
  ['security', 'Add an app'],
  ['security', 'Make codes'],
  ['security', 'Make new ones'],
  ['account', 'Delete my account'],
  ['admin/users', 'Invite somebody'],
  ['admin/users/{bea}', 'Change'],
  ['admin/users/{bea}', 'Sign out everywhere'],
  ['admin/users/{bea}', 'Disable'],
  ['admin/webhooks', 'Add an endpoint'],
  ['admin/panic', 'End all of this'],
]

/** Runs in the page: whether what has the focus is in the dialog, or what it is. */
const focusInDialog = `(() => {
  const { activeElement: at } = document
  // Past its last field Chromium rests in its own bar, and the page has no focus for one step.
  return at === document.body || at.closest('dialog[open]') !== null || at.outerHTML.slice(0, 120)
})()`

visit('every dialog is opened, walked and left by the keyboard alone', async (place) => {
  const { page, base } = place
  await setUp(place)
  await page.setViewportSize({ width: 768, height: 800 })
  const { id } = await register(place, 'bea@example.com')
  const inDialog = page.locator('dialog[open]:focus, dialog[open] :focus')
  await page.goto(`${base}/hub/keys`)
  await page.getByRole('button', { name: 'Create a key' }).press('Enter')
  await page.getByLabel('Name').fill('Laptop')
  await page.getByLabel('Name').press('Enter')
  const key = String(await page.locator('.secret').textContent())
  await inDialog.waitFor()
  await page.getByRole('button', { name: 'I have stored it' }).press('Enter')
  await page.getByRole('heading', { name: 'Laptop' }).waitFor()
  const hello = { model: 'echo-1', input: 'Hello' }
  assert.equal((await call(base, '/v1/responses', hello, { 'api-key': key }))?.status, 200)

  for (const [path, name] of dialogs) {
    const url = `${base}/hub/${path.replace('{bea}', id)}`
    if (page.url() !== url) await page.goto(url)
    await settle(page)
    if (path === 'admin/panic') {
      await page.getByLabel('Person').fill('bea@example.com')
      await page.getByLabel('Person').press('Enter')
    }
    // Of two of a name the second one: the first stands in the form above the list.
    const opener = page.locator('main').getByRole('button', { name, exact: true }).last()
    // Its words may change meanwhile.
    await opener.evaluate((at) => at.setAttribute('data-opener', ''))
    await opener.press('Enter')
    const dialog = page.getByRole('dialog')
    await dialog.waitFor()
    await inDialog.waitFor()
    const fields = await dialog.locator('button, input, select, summary, a, textarea').count()
    for (let steps = 0; steps < fields + 3; steps++) {
      await page.keyboard.press('Tab')
      assert.equal(await page.evaluate(focusInDialog), true, `${path}, ${name}: ${steps} steps`)
    }
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    await page.locator('[data-opener]:focus').waitFor()
    await page.locator('[data-opener]').evaluate((at) => at.removeAttribute('data-opener'))
  }

  // What opened it is gone with what it was about: the page itself is where one goes on.
  await page.goto(`${base}/hub/keys`)
  await page.getByRole('button', { name: 'Revoke' }).press('Enter')
  const typed = page.getByRole('dialog').getByRole('textbox')
  await page.getByRole('dialog').waitFor()
  if (await typed.count()) await typed.fill('Laptop')
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).press('Enter')
  await page.locator('main:focus').waitFor()
})
