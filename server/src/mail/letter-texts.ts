import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import Handlebars from 'handlebars'
import { type Fault, faultsOf, parseText, wordsIn } from './letter-check.ts'
import { letterExamples } from './letter-examples.ts'
import { letterHtml, SMALL_PRINT } from './letter-html.ts'
import { type LetterFacts, type LetterName, letters, type Said, sayFacts } from './letters.ts'

const own = fileURLToPath(new URL('./letters/', import.meta.url))
const STANDARD = 'en'
const FRAME = 'frame.html.hbs'
const frameWords = { words: new Set(['body', 'language', 'sender', 'subject']), raw: 'body' }
const SUBJECT = /^Subject: (.+)$/
/** Nothing that somebody chose stands in a subject, and no link. */
const subjectWords = new Set(['sender', 'code'])

export interface Words {
  readonly subject: string
  readonly text: string
  readonly html: string
}

export interface LetterTexts {
  /** The languages that there are texts in. */
  readonly languages: readonly string[]
  /** The first of the languages of an Accept-Language header that there are texts in. */
  choose(asked: string | undefined): string | null
  /** The words of a letter: in this language where it is written in it, else in the standard one, else in English. */
  render(name: LetterName, language: string | null, facts: LetterFacts): Words
}

export interface TextsWanted {
  /** A folder whose files stand in the place of ours of the same name. */
  readonly folder: string | null
  /** The language of letters to people of whom none is known. */
  readonly language: string
  /** Who letters are from, as they name them. */
  readonly sender: string
}

/** The texts of all letters, and what is wrong with those of the operator: nothing is sent that was not looked at. */
export function readLetterTexts(wanted: TextsWanted): {
  readonly texts: LetterTexts
  readonly problems: readonly string[]
} {
  const { folder, sender } = wanted
  const listing = folder ? listFolder(folder) : { files: [], problems: [] }
  const paths = new Map(listing.files.map((file) => [file, join(folder ?? '', file)]))
  const languages = languagesIn([...ownFiles(), ...paths.keys()])
  const sourceOf = remember((file: string) => {
    const path = paths.get(file) ?? join(own, file)
    return existsSync(path) ? readFileSync(path, 'utf8') : null
  })
  const templateOf = remember((file: string) => {
    const source = sourceOf(file)
    return source === null ? null : compile(source, file !== FRAME)
  })
  const template = (name: LetterName, language: string | null) => {
    const tried = [language, wanted.language, STANDARD].filter((each) => each !== null)
    const found = tried.find((each) => sourceOf(`${each}/${name}.hbs`) !== null) ?? STANDARD
    return { language: found, say: required(templateOf(`${found}/${name}.hbs`), name) }
  }
  const texts: LetterTexts = {
    languages,
    choose: (asked) => chooseLanguage(asked, languages),
    render(name, asked, facts) {
      const { language, say } = template(name, asked)
      return wordsOf(say(sayFacts(facts, sender, language)), facts, (subject, body) =>
        required(templateOf(FRAME), FRAME)({ subject, body, language, sender }),
      )
    },
  }
  const problems = [...listing.problems]
  if (!languages.includes(wanted.language)) {
    problems.push(`MAIL_LANGUAGE: there are texts in ${languages.join(', ')}`)
  }
  for (const file of paths.keys()) {
    const faults = faultsOfFile(file, sourceOf(file) ?? '')
    problems.push(...faults.map((fault) => tell(file, fault)))
  }
  return { texts, problems }
}

/** The first line of a text is the subject; what follows is the letter. */
function wordsOf(
  said: string,
  { link = '', stop = '' }: Pick<LetterFacts, 'link' | 'stop'>,
  frame: (subject: string, body: string) => string,
): Words {
  const [first = '', ...lines] = said.split('\n')
  const [, subject = ''] = SUBJECT.exec(first) ?? []
  const body = lines.join('\n')
  const links = [link, stop].filter((each) => each !== '')
  return {
    subject,
    text: body
      .replace(SMALL_PRINT, '')
      .replace(/\n{3,}/g, '\n\n')
      .trim(),
    html: frame(subject, letterHtml(body, links)),
  }
}

function chooseLanguage(asked: string | undefined, languages: readonly string[]): string | null {
  const wanted = (asked ?? '').split(',', 10).map((each) => each.trim().slice(0, 2).toLowerCase())
  return wanted.find((language) => languages.includes(language)) ?? null
}

const FILE = /^([a-z]{2})\/([a-z-]+)\.hbs$/

function listFolder(folder: string): { files: string[]; problems: string[] } {
  if (!existsSync(folder) || !statSync(folder).isDirectory()) {
    return { files: [], problems: [`MAIL_TEXTS: ${folder} is no folder`] }
  }
  const files = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && !entry.name.startsWith('.'))
    .map(({ parentPath, name }) => join(parentPath, name).slice(join(folder, '/').length))
    .map((file) => file.replaceAll('\\', '/'))
    .toSorted()
  const isKnown = (file: string) => file === FRAME || letterOf(file) !== null
  const problems = files
    .filter((file) => !isKnown(file))
    .map((file) => tell(file, { line: null, told: unknownFile }))
  return { files: files.filter(isKnown), problems }
}

const unknownFile = `no letter has this name; files are called ${FRAME}, or like de/code.hbs: a language, then one of ${letters.join(', ')}`

function letterOf(file: string): LetterName | null {
  const [, , name] = FILE.exec(file) ?? []
  return letters.find((letter) => letter === name) ?? null
}

const ownFiles = remember(() => readdirSync(own).map((language) => `${language}/code.hbs`))

function languagesIn(files: readonly string[]): string[] {
  const found = files.map((file) => FILE.exec(file)?.[1]).filter((each) => each !== undefined)
  return [...new Set(found)].toSorted()
}

function faultsOfFile(file: string, source: string): Fault[] {
  const program = parseText(source)
  if ('told' in program) return [program]
  const name = letterOf(file)
  if (!name) {
    const hasBody = wordsIn(program).includes('body')
    const faults = faultsOf(program, frameWords)
    return hasBody ? faults : [...faults, { line: null, told: 'a frame holds {{{body}}} once' }]
  }
  const faults = [...faultsOfSubject(source), ...faultsOf(program, { words: wordsOfLetter(name) })]
  return faults.length > 0 ? faults : faultsOfSaying(name, source)
}

/** A letter may say what ours of the same name says, and who it is from. */
function wordsOfLetter(name: LetterName): ReadonlySet<string> {
  const program = parseText(readFileSync(join(own, STANDARD, `${name}.hbs`), 'utf8'))
  return new Set(['sender', 'time', ...('told' in program ? [] : wordsIn(program))])
}

function faultsOfSubject(source: string): Fault[] {
  const [first = ''] = source.split('\n')
  if (!SUBJECT.test(first))
    return [{ line: 1, told: 'the first line is the subject: "Subject: …"' }]
  const subject = parseText(first)
  return 'told' in subject ? [{ ...subject, line: 1 }] : faultsOf(subject, { words: subjectWords })
}

/** Whatever a letter is sent with, its code and its links arrive. */
function faultsOfSaying(name: LetterName, source: string): Fault[] {
  const say = compile(source, true)
  const missing = letterExamples[name].flatMap((facts) => {
    const said: Said = sayFacts(facts, 'Freddy', STANDARD)
    const words = wordsOf(say(said), facts, (_subject, body) => body)
    const occasion = facts.purpose ? ` when purpose is ${facts.purpose}` : ''
    return (['code', 'link', 'stop'] as const)
      .filter((word) => said[word] !== '' && !arrives(word, String(said[word]), words))
      .map(
        (word) =>
          `it does not say {{${word}}}${occasion}${word === 'code' ? '' : ', on a line of its own'}`,
      )
  })
  return [...new Set(missing)].map((told) => ({ line: null, told }))
}

/** A link works in the HTML too, where only a line of its own becomes one. */
function arrives(word: string, value: string, { text, html }: Words): boolean {
  if (!text.includes(value)) return false
  return word === 'code' || html.includes(`href="${Handlebars.escapeExpression(value)}"`)
}

function compile(source: string, isText: boolean): HandlebarsTemplateDelegate {
  return Handlebars.compile(source, { strict: true, noEscape: isText })
}

const tell = (file: string, { line, told }: Fault) =>
  `MAIL_TEXTS: ${file}${line === null ? '' : `, line ${line}`}: ${told}`

function required<T>(found: T | null, name: string): T {
  if (found === null) throw new Error(`there is no text for ${name}`)
  return found
}

/** Each is read when it is first asked for, and once. */
function remember<T>(read: (name: string) => T): (name?: string) => T {
  const known = new Map<string, T>()
  return (name = '') => {
    const found = known.has(name) ? (known.get(name) as T) : read(name)
    known.set(name, found)
    return found
  }
}
