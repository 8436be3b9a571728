import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { setTimeout as pause } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { type Browser, chromium, type Page } from 'playwright-core'
import { PASSWORD } from '../../../server/test/freddy.ts'
import { startProcess } from '../../../server/test/server-process.ts'
import { startSmtpSink } from '../../../server/test/smtp-sink.ts'
import { FreddyAuth } from '../src/index.ts'

const EMAIL = 'ada@example.com'

let opened: Promise<Browser> | null = null
after(async () => (await opened)?.close())

/** One browser for all, begun by the first who asks. */
function browser(): Promise<Browser> {
  const executablePath = process.env.TEST_CHROMIUM ?? 'chromium'
  opened ??= chromium.launch({ executablePath, args: ['--no-sandbox'] })
  return opened
}

/** The library as one script, as a page's own tools would make it: it asks for nothing of Node. */
async function bundle(): Promise<string> {
  const entry = fileURLToPath(new URL('../src/index.ts', import.meta.url))
  const { outputFiles } = await build({
    entryPoints: [entry],
    bundle: true,
    platform: 'browser',
    format: 'iife',
    globalName: 'freddy',
    write: false,
  })
  return `${outputFiles[0]?.text}; globalThis.freddy = freddy`
}

interface Place {
  readonly base: string
  readonly page: Page
  nextCode(): Promise<string>
}

async function visit(t: TestContext): Promise<Place> {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  const sink = await startSmtpSink()
  const server = await startProcess({ DATA_DIR: folder, SMTP_URL: sink.url })
  // In this order: a mail server waits for who is still connected.
  t.after(() => server.kill().then(() => sink.close()))
  let read = 0
  const nextCode = async () => {
    for (let looks = 0; sink.mails.length <= read && looks < 1000; looks++) await pause(20)
    read = sink.mails.length
    return sink.codeFor(EMAIL) ?? assert.fail('no mail came')
  }
  const auth = new FreddyAuth(`${server.base}/v1`)
  await auth.verify(await auth.register(EMAIL, PASSWORD), await nextCode())
  const page = await (await browser()).newPage()
  page.setDefaultTimeout(20_000)
  return { base: server.base.replace('127.0.0.1', 'localhost'), page, nextCode }
}

/** Runs in the page, where the library is `freddy`. */
async function inPage<T>(page: Page, script: string): Promise<T> {
  return page.evaluate<T>(`(async () => { ${script} })()`)
}

test('a page of the server uses its session without ever seeing a token', async (t) => {
  const { base, page, nextCode } = await visit(t)
  await page.goto(`${base}/sign-in`)
  await page.getByLabel(/E-mail/).fill(EMAIL)
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.keyboard.press('Enter')
  await page.getByLabel('Code').fill(await nextCode())
  await page.waitForURL('**/hub**')
  await page.evaluate(await bundle())
  const told = await inPage<Record<string, string>>(
    page,
    `const auth = new freddy.FreddyAuth({ baseUrl: '/v1', store: 'cookie' })
    const { email } = await auth.me()
    let text = ''
    const ask = [{ role: 'user', content: 'Hello' }]
    for await (const { delta = '' } of auth.createResponse('echo-1', ask, { stream: true })) text += delta
    const headers = Object.keys(auth.getHeaders()).join()
    const signIn = await auth.login('ada', 'x').catch((error) => error.message)
    await auth.logout()
    const over = await auth.me().catch((error) => error.name)
    const kept = JSON.stringify([localStorage.length, sessionStorage.length, document.cookie])
    return { email, text, headers, signIn, over, kept }`,
  )
  assert.match(String(told.signIn), /send people to \/sign-in/)
  assert.deepEqual(
    { ...told, signIn: '' },
    {
      email: EMAIL,
      text: 'Hello',
      headers: 'freddy-session,Content-Type',
      signIn: '',
      over: 'SessionEndedError',
      kept: '[0,0,""]',
    },
  )
})

test('a page that signs in by itself keeps its tokens in memory alone', async (t) => {
  const { base, page, nextCode } = await visit(t)
  await page.exposeFunction('nextCode', nextCode)
  await page.goto(`${base}/sign-in`)
  await page.evaluate(await bundle())
  const told = await inPage<unknown[]>(
    page,
    `const auth = new freddy.FreddyAuth('/v1')
    const emailKey = await auth.login('${EMAIL}', '${PASSWORD}')
    await auth.verify(emailKey, Number(await nextCode()))
    const { output_text } = await auth.createResponse('echo-1', [{ role: 'user', content: 'Hello' }])
    const { status } = await auth.fetch('/user/me')
    return [output_text, status, localStorage.length, sessionStorage.length, document.cookie]`,
  )
  assert.deepEqual(told, ['Hello', 200, 0, 0, ''])
})
