import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = dirname(fileURLToPath(import.meta.url))

/** Something that a module declares: what stands above it, and its lines. */
interface Declared {
  readonly name: string
  readonly kind: string
  readonly comment: string
  readonly lines: readonly string[]
}

/**
 * docs/typescript-api.md: every name of the package, from the declarations that `build.ts` made of the source. Those have
 * one form, a declaration at the margin and its members four spaces in, so that reading lines is enough.
 */
export function apiPage(): string {
  const { exports } = JSON.parse(readFileSync(join(here, 'package.json'), 'utf8'))
  const told = new Set<string>()
  const parts = Object.entries<{ types: string }>(exports).map(([path, { types }]) =>
    partOf(`freddy-auth-client${path.slice(1)}`, join(here, types), told),
  )
  return `# TypeScript, name by name

Every name that \`freddy-auth-client\` exports, made from its declarations by \`npm run api-pages\`. What it is like to use stands in
[TypeScript and the command line](typescript.md).

${parts.join('\n\n')}
`
}

/** What one path of the package exports: what does something, then all shapes, then what can go wrong. */
function partOf(path: string, entry: string, before: Set<string>): string {
  const whole = exported(entry)
  const all = whole.filter(({ name }) => !before.has(name))
  const again = whole.filter(({ name }) => before.has(name)).map(({ name }) => `\`${name}\``)
  for (const { name } of all) before.add(name)
  const errors = all.filter(({ name }) => name.endsWith('Error'))
  const others = all.filter((one) => !errors.includes(one))
  const classes = others.filter(({ kind }) => kind === 'class').sort(byName('FreddyAuth'))
  const rest = others.filter(({ kind }) => kind !== 'class').sort(byKind)
  return [
    `## ${path}`,
    ...(again.length > 0 ? [`Exports ${again.join(', ')} as above.`] : []),
    ...classes.map(tellClass),
    ...rest.map(tellShape),
    ...tellErrors(errors),
  ].join('\n\n')
}

const byName = (first: string) => (a: Declared, b: Declared) =>
  Number(b.name === first) - Number(a.name === first)
const byKind = (a: Declared, b: Declared) =>
  Number(b.kind === 'function') - Number(a.kind === 'function')

/** `export * from` takes all that a module declares, `export { A, type B } from` what it names. */
function exported(entry: string): Declared[] {
  const lines = readFileSync(entry, 'utf8').matchAll(
    /^export (?:type )?(?:\*|\{ (.+) \}) from '(.+)\.ts';$/gm,
  )
  return [...lines].flatMap(([, names, module]) => {
    const all = declarations(join(dirname(entry), `${module}.d.ts`))
    const wanted = names?.match(/\w+(?=,|$)/g)
    return wanted ? all.filter(({ name }) => wanted.includes(name)) : all
  })
}

const HEAD = /^(?:export )?(?:declare )?(class|interface|type|function|const) (\w+)/

function declarations(path: string): Declared[] {
  const found: Declared[] = []
  for (const { comment, lines } of blocks(readFileSync(path, 'utf8').split('\n'), '')) {
    const [, kind, name] = HEAD.exec(lines[0] ?? '') ?? []
    if (kind && name) found.push({ kind, name, comment, lines })
  }
  return found
}

interface Block {
  readonly comment: string
  readonly lines: readonly string[]
}

/** What begins at this margin, each with the comment above it. */
function blocks(lines: readonly string[], margin: string): Block[] {
  const found: Block[] = []
  let comment: string[] = []
  let block: string[] = []
  for (const line of lines) {
    const text = line.slice(margin.length)
    if (block.length === 0 && /^( ?\*|\/\*\*)/.test(text)) comment.push(text)
    else if (text !== '') block.push(text)
    if (block.length === 0 || !isEnd(text)) continue
    found.push({ comment: plain(comment), lines: block })
    comment = []
    block = []
  }
  return found
}

/** A declaration ends at its own margin: by a semicolon or the bracket that it opened. */
const isEnd = (text: string) => /^\S.*;$|^\}/.test(text)

/** The words of a comment, without its stars. */
function plain(comment: readonly string[]): string {
  return comment
    .map((line) => line.replace(/ ?\*\/$/, '').replace(/^\/\*\* ?|^ ?\* ?/, ''))
    .join('\n')
    .trim()
}

function tellClass({ name, comment, lines }: Declared): string {
  const members = blocks(lines.slice(1, -1), '    ').filter(isShown)
  const fields = members.filter(({ lines: [first = ''] }) => first.startsWith('readonly '))
  const methods = members.filter((member) => !fields.includes(member))
  const names = new Set(methods.map(nameOf))
  return [
    `### ${name}`,
    tellComment(comment),
    fields.length > 0 ? fence(fields.flatMap((field) => field.lines)) : '',
    ...[...names].map((method) =>
      tellMethod(
        method,
        methods.filter((one) => nameOf(one) === method),
      ),
    ),
  ]
    .filter(Boolean)
    .join('\n\n')
}

/** Who makes a part of a client by itself is not told how: `FreddyAuth` makes them. */
const isShown = ({ comment, lines: [first = ''] }: Block) =>
  first !== '#private;' && !(first.startsWith('constructor') && comment === '')

const nameOf = ({ lines: [first = ''] }: Block) => /^(?:get )?(\w+)/.exec(first)?.[1] ?? ''

/** One method with all its forms. */
function tellMethod(name: string, forms: readonly Block[]): string {
  const comment = forms.map((form) => form.comment).join('\n')
  const heading = name === 'constructor' ? '#### new' : `#### ${name}`
  return [heading, fence(forms.flatMap(({ lines }) => lines)), tellComment(comment)].join('\n\n')
}

function tellShape({ name, comment, lines }: Declared): string {
  const code = lines.map((line, place) =>
    place === 0 ? line.replace(/^export /, '').replace(/^declare /, '') : line,
  )
  return [`### ${name}`, tellComment(comment), fence(code)].filter(Boolean).join('\n\n')
}

/** The tree as errors.ts draws it, and those that have more than a name. */
function tellErrors(errors: readonly Declared[]): string[] {
  if (!errors.some(({ name }) => name === 'FreddyError')) return errors.map(tellShape)
  const source = readFileSync(join(here, 'src', 'errors.ts'), 'utf8')
  const tree = plain(source.slice(0, source.indexOf('*/')).trimEnd().split('\n').slice(1))
  const more = errors.filter(({ lines }) => lines.some((line) => line.includes('/**')))
  return ['### Errors', fence(tree.split('\n'), ''), ...more.map(tellShape)]
}

/** What `@returns` and `@throws` say becomes a list. */
function tellComment(comment: string): string {
  const [text = '', ...tags] = comment.replaceAll(/\n\s+/g, ' ').split(/^@/m)
  const words: Readonly<Record<string, string>> = { returns: 'Answers', throws: 'Throws' }
  const told = tags.map((tag) => {
    const [word = '', ...said] = tag.trim().split(' ')
    return `- ${words[word] ?? 'Takes'} ${said.join(' ')}`
  })
  return [text.trim().replaceAll('\n', ' '), told.join('\n')].filter(Boolean).join('\n\n')
}

function fence(lines: readonly string[], language = 'ts'): string {
  return ['```', language, '\n', lines.join('\n'), '\n```'].join('')
}
