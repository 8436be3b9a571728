import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, test } from 'node:test'
import { letterExamples } from '../src/mail/letter-examples.ts'
import { readLetterTexts } from '../src/mail/letter-texts.ts'
import { letters } from '../src/mail/letters.ts'
import { type Freddy, scene } from './freddy.ts'
import { linkFor, press } from './mailed-links.ts'
import { shellOn } from './shell.ts'

const own = new URL('../src/mail/letters/', import.meta.url).pathname
const folders: string[] = []

/** A folder of an operator's texts. */
function folderOf(files: Record<string, string>): string {
  const folder = mkdtempSync(join(tmpdir(), 'letters-'))
  folders.push(folder)
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true })
    writeFileSync(join(folder, name), text)
  }
  return folder
}
after(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true })
})

const read = (folder: string | null, language = 'en') =>
  readLetterTexts({ folder, language, sender: 'Freddy' })
const facts = { address: '192.0.2.1', agent: 'curl', at: Date.UTC(2026, 10, 23, 12) }

test('every letter is written in every language, and our own texts pass the look at an operator’s', () => {
  assert.deepEqual(read(own).problems, [])
  const { texts } = read(null)
  assert.deepEqual(texts.languages, ['de', 'en', 'fr'])
  for (const language of texts.languages) {
    const files = readdirSync(join(own, language)).map((file) => file.replace('.hbs', ''))
    assert.deepEqual(files.toSorted(), [...letters].toSorted())
    for (const name of letters) {
      for (const example of letterExamples[name]) {
        const { subject, text, html } = texts.render(name, language, example)
        assert.ok(subject.length > 5 && subject.length < 80, `${language} ${name}: ${subject}`)
        assert.doesNotMatch(`${subject}${text}`, /[{}]|undefined|^---$/m)
        assert.match(html, new RegExp(`<html lang="${language}">`))
      }
    }
  }
})

test('the HTML part says what the text says, link for link', () => {
  const { texts } = read(null)
  for (const name of letters) {
    for (const example of letterExamples[name]) {
      const { text, html } = texts.render(name, 'en', example)
      const [, body = ''] = html.split('</head>')
      const shown = body
        .replace(/<br>\n|<\/p>/g, '\n')
        .replace(/<[^>]+>/g, '')
        .replaceAll('&#x3D;', '=')
        .replaceAll('&quot;', '"')
        .replaceAll('&#x27;', "'")
      const words = (from: string) => from.split(/\s+/).filter(Boolean)
      assert.deepEqual(words(shown), ['Freddy', ...words(text)])
      const links = [example.link, example.stop].filter(Boolean)
      assert.deepEqual([...html.matchAll(/<a href=/g)].length, links.length, name)
    }
  }
})

test('a language that nobody writes falls back to the standard one, and that to English', () => {
  const { texts } = read(null, 'fr')
  assert.equal(texts.choose('pl, nl;q=0.9'), null)
  assert.equal(texts.choose('pl, de-CH;q=0.9, en'), 'de')
  assert.equal(texts.choose(undefined), null)
  assert.match(texts.render('test', null, facts).subject, /^Un essai/)
  assert.match(texts.render('test', 'de', facts).subject, /^Eine Probe/)
})

test('a file of the operator stands in the place of ours, and may add a language', () => {
  const folder = folderOf({
    'en/test.hbs': 'Subject: Hello from {{sender}}\nIt {{#if agent}}works{{/if}}, {{agent}}.\n',
    'it/test.hbs': 'Subject: Una prova\nFunziona.\n',
    'frame.html.hbs': '<html lang="{{language}}"><h1>{{sender}}</h1>{{{body}}}</html>\n',
  })
  const { texts, problems } = read(folder)
  assert.deepEqual(problems, [])
  assert.deepEqual(texts.languages, ['de', 'en', 'fr', 'it'])
  const { subject, text, html } = texts.render('test', 'en', { ...facts, agent: '<b>curl</b>' })
  assert.equal(subject, 'Hello from Freddy')
  assert.equal(text, 'It works, <b>curl</b>.')
  assert.match(html, /^<html lang="en"><h1>Freddy<\/h1><p[^>]*>It works, &lt;b&gt;curl/)
  assert.equal(texts.render('test', 'it', facts).subject, 'Una prova')
  assert.match(texts.render('farewell', 'it', facts).subject, /^Your Freddy account/)
})

test('each text that could not be sent, or would not say its code, is named with its line', () => {
  const cases: [file: string, text: string, told: RegExp][] = [
    ['en/cody.hbs', 'Subject: x\n', /^MAIL_TEXTS: en\/cody\.hbs: no letter has this name/],
    ['readme.md', 'hello', /readme\.md: no letter has this name/],
    ['en/test.hbs', 'Hello\n', /en\/test\.hbs, line 1: the first line is the subject/],
    ['en/test.hbs', 'Subject: a {{agent}}\n', /line 1: {{agent}} is not known/],
    ['en/test.hbs', 'Subject: a\n\n{{kode}}\n', /line 3: {{kode}} is not known; this text knows/],
    ['en/test.hbs', 'Subject: a\n{{code}}\n', /line 2: {{code}} is not known/],
    ['en/test.hbs', 'Subject: a\n{{#if agent}}\n', /en\/test\.hbs.*: braces that do not fit/],
    ['en/test.hbs', 'Subject: a\n{{{agent}}}\n', /line 2: three braces are not taken/],
    ['en/test.hbs', 'Subject: a\n{{> other}}\n', /line 2: only words and {{#if …}}/],
    ['en/test.hbs', 'Subject: a\n{{#each agent}}x{{/each}}\n', /line 2: {{#each …}} is not known/],
    ['en/test.hbs', 'Subject: a\n{{lookup . agent}}\n', /line 2: only words/],
    ['en/code.hbs', 'Subject: {{code}}\nHello\n{{link}}\n{{stop}}\n', /does not say {{code}} when/],
    ['en/code.hbs', 'Subject: a\n{{code}}\n{{stop}}\n', /does not say {{link}} when.*login/],
    [
      'en/code.hbs',
      'Subject: a\n{{code}}\nat {{link}}\n{{stop}}\n',
      /{{link}}.*on a line of its own/,
    ],
    ['en/code.hbs', 'Subject: a\n{{code}}\n{{link}}\n', /does not say {{stop}} when.*registration/],
    ['frame.html.hbs', '<html>{{body}}</html>', /frame\.html\.hbs, line 1: it is {{{body}}}/],
    ['frame.html.hbs', '<html></html>', /a frame holds {{{body}}}/],
    ['frame.html.hbs', '{{{subject}}}{{{body}}}', /line 1: three braces are not taken/],
  ]
  for (const [file, text, told] of cases) {
    const { problems } = read(folderOf({ [file]: text }))
    assert.ok(problems.length > 0 && problems.every((one) => one.startsWith('MAIL_TEXTS: ')), text)
    assert.match(problems.join('\n'), told)
  }
  assert.match(read('/nowhere').problems.join(), /MAIL_TEXTS: \/nowhere is no folder/)
  assert.match(read(null, 'pl').problems.join(), /MAIL_LANGUAGE: there are texts in de, en, fr/)
})

test('what somebody chose makes no line of its own, so it looks like no code and is no link', () => {
  const { texts } = read(null)
  const agent = 'x\n\n    9999\n\nhttps://evil.example.com/a'
  const example = { ...facts, agent, link: 'https://auth.example.com/account/not-me/x' }
  const { text, html } = texts.render('new-device', 'en', example)
  assert.doesNotMatch(text, /^ *9999|^https:\/\/evil/m)
  assert.deepEqual(html.match(/<a href="[^"]+"/g), [`<a href="${example.link}"`])
})

const register = (freddy: Freddy, email: string, language = 'fr-CA, fr;q=0.9') =>
  freddy.ask('POST /v1/auth/register', {
    body: { email, password: 'an uncommon sentence' },
    headers: { 'accept-language': language },
  })

const subjectsTo = async (freddy: Freddy, email: string) => {
  await freddy.running.outbox.drain()
  return freddy.mail.mails
    .filter(({ envelope }) => envelope.to.includes(email))
    .map(({ subject }) => subject)
}

scene('a letter speaks its reader’s language, whoever caused it', async (freddy) => {
  const { body } = await register(freddy, 'zoe@example.com')
  const code = await freddy.codeFor('zoe@example.com')
  assert.match((await subjectsTo(freddy, 'zoe@example.com'))[0] ?? '', /est votre code/)
  const headers = { 'accept-language': 'fr' }
  await freddy.verify(body.email_key, Number(code), { headers })

  const stranger = { headers: { 'accept-language': 'de' } }
  await freddy.login({ email: 'zoe@example.com', password: 'an uncommon sentence' }, stranger)
  await freddy.ask('POST /v1/auth/password/forgot', {
    body: { email: 'zoe@example.com' },
    ...stranger,
  })
  const ada = await freddy.person('ada')
  await freddy.login(ada, stranger)
  for (const subject of await subjectsTo(freddy, 'zoe@example.com')) {
    assert.match(subject, /est votre code/)
  }
  assert.match((await subjectsTo(freddy, ada.email))[0] ?? '', /ist.dein.Code/)
})

scene(
  'who did not ask for a letter stops the next ones without an account, and starts them again',
  async (freddy) => {
    const email = 'victim@example.com'
    await register(freddy, email)
    const path = await stopLinkFor(freddy, email)
    for (const method of ['GET', 'HEAD'] as const) {
      const shown = await freddy.running.http.inject({ method, url: path })
      assert.equal(shown.statusCode, 200)
    }
    const sent = async () => {
      freddy.pass(3_600_000)
      const before = (await subjectsTo(freddy, email)).length
      const answer = await register(freddy, email)
      assert.equal(answer.status, 201)
      return (await subjectsTo(freddy, email)).length - before
    }
    assert.equal(await sent(), 1)
    assert.equal((await press(freddy, path)).statusCode, 200)
    assert.equal(await sent(), 0)
    const tagged = await register(freddy, 'victim+2@example.com')
    assert.equal(tagged.status, 201)
    assert.deepEqual(await subjectsTo(freddy, 'victim+2@example.com'), [])
    const invited = shellOn(freddy.running.app.config, ['users', 'invite', email])
    assert.match(invited.stderr, /wants no letters/)
    assert.equal((await press(freddy, path, 'wish=again')).statusCode, 200)
    assert.equal(await sent(), 1)
  },
)

scene('a link to stop letters that we did not make stops nothing', async (freddy) => {
  await register(freddy, 'victim@example.com')
  const path = await stopLinkFor(freddy, 'victim@example.com')
  const forged = path.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))
  assert.equal((await press(freddy, forged)).statusCode, 410)
  assert.equal((await press(freddy, path, '', 'https://evil.example.com')).statusCode, 403)
  assert.deepEqual(await freddy.database.read('SELECT id FROM mail_stops'), [])
})

scene('an account goes on getting its letters when its mailbox wants none', async (freddy) => {
  await register(freddy, 'ada@example.com')
  await press(freddy, await stopLinkFor(freddy, 'ada@example.com'))
  const ada = await freddy.person('ada')
  freddy.pass(3_600_000)
  await freddy.signIn(ada)
  await freddy.ask('POST /v1/auth/password/forgot', { body: { email: ada.email } })
  await linkFor(freddy, ada.email, 'reset')
})

async function stopLinkFor(freddy: Freddy, email: string): Promise<string> {
  await freddy.running.outbox.drain()
  const raw = freddy.mail.mails.findLast(({ envelope }) => envelope.to.includes(email))?.raw ?? ''
  const [, path = ''] =
    /example\.com(\/account\/stop\/[\w-]{44})/.exec(raw.replace(/=\r\n/g, '')) ?? []
  assert.ok(path, `a link to stop was mailed to ${email}`)
  return path
}

test('docs/mail.md: its letter may be sent, and its mistake is told as it says', () => {
  const page = readFileSync(new URL('../../docs/mail.md', import.meta.url), 'utf8')
  const [, text = ''] = /^```hbs\n([\s\S]*?)^```$/m.exec(page) ?? []
  assert.deepEqual(read(folderOf({ 'en/code.hbs': text })).problems, [])
  const [, told = ''] = /^```text\n(.*), …$/m.exec(page) ?? []
  const mistaken = 'Subject: x\n\n{{kode}} {{code}}\n'
  assert.ok(read(folderOf({ 'de/code.hbs': mistaken })).problems[0]?.startsWith(told), told)
})

test('letters are shown in the shell, as text and as a folder', () => {
  const folder = join(folderOf({}), 'out')
  const previewed = (words: string[]) =>
    shellOn({ databaseUrl: null, dataDir: folder }, ['mail', 'preview', ...words])
  const shown = previewed(['code', '--language', 'de'])
  assert.match(shown.stdout, /Subject: 2290 ist dein Code für Freddy/)
  assert.match(previewed(['cody']).stderr, /There is no letter cody/)
  assert.match(previewed(['--language', 'pl']).stderr, /no texts in pl/)
  assert.equal(previewed(['--out', folder]).status, 0)
  assert.ok(readdirSync(folder).includes('index.html'))
  assert.ok(readdirSync(join(folder, 'fr')).includes('code.html'))
})
