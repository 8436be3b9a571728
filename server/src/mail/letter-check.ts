import Handlebars from 'handlebars'

/** What is wrong with a text, and on which of its lines; null for all of it. */
export interface Fault {
  readonly line: number | null
  readonly told: string
}

interface Node {
  readonly type: string
  readonly loc?: { readonly start: { readonly line: number } }
}

/** Words that a text may use, and how it may use them. */
export interface Vocabulary {
  readonly words: ReadonlySet<string>
  /** The one word that is HTML already and stands between three braces; none in a letter. */
  readonly raw?: string
}

const conditions = ['if', 'unless']

/** Reads a text as Handlebars does; a mistake of its syntax is said in one sentence. */
export function parseText(source: string): hbs.AST.Program | Fault {
  try {
    return Handlebars.parse(source)
  } catch (cause) {
    const [, line] = /on line (\d+)/.exec(String(cause)) ?? []
    const told = 'braces that do not fit: each {{#if …}} ends with {{/if}}, each {{ with }}'
    return { line: line ? Number(line) : null, told }
  }
}

/** Every word that a text speaks, with its line; and what is no word at all. */
export function faultsOf(program: hbs.AST.Program, vocabulary: Vocabulary): Fault[] {
  return program.body.flatMap((statement) => faultsIn(statement, vocabulary))
}

/** The words that a text uses. */
export function wordsIn(program: hbs.AST.Program): string[] {
  const words: string[] = []
  const listen = { has: (word: string) => words.push(word) > 0 } as unknown as ReadonlySet<string>
  faultsOf(program, { words: listen, raw: 'body' })
  return words
}

function faultsIn(statement: hbs.AST.Statement, vocabulary: Vocabulary): Fault[] {
  switch (statement.type) {
    case 'ContentStatement':
    case 'CommentStatement':
      return []
    case 'MustacheStatement':
      return faultsOfWord(statement as hbs.AST.MustacheStatement, vocabulary)
    case 'BlockStatement':
      return faultsOfBlock(statement as hbs.AST.BlockStatement, vocabulary)
    default:
      return [fault(statement, 'only words and {{#if …}} stand between braces here')]
  }
}

function faultsOfWord(statement: hbs.AST.MustacheStatement, vocabulary: Vocabulary): Fault[] {
  const { path, params, escaped } = statement
  if (params.length > 0) return [fault(statement, 'only words and {{#if …}} stand here')]
  const isRaw = nameOf(path) === vocabulary.raw
  if (!escaped && !isRaw)
    return [fault(statement, 'three braces are not taken: what is said is escaped')]
  if (escaped && isRaw)
    return [fault(statement, `it is {{{${vocabulary.raw}}}}, with three braces`)]
  return faultsOfName(path, vocabulary)
}

function faultsOfBlock(statement: hbs.AST.BlockStatement, vocabulary: Vocabulary): Fault[] {
  const { path, params, program, inverse } = statement
  const [condition, ...more] = params
  if (!conditions.includes(nameOf(path)) || !condition || more.length > 0) {
    return [
      fault(
        statement,
        `{{#${nameOf(path)} …}} is not known; {{#if word}} and {{#unless word}} are`,
      ),
    ]
  }
  return [
    ...faultsOfName(condition, vocabulary),
    ...faultsOf(program, vocabulary),
    ...(inverse ? faultsOf(inverse, vocabulary) : []),
  ]
}

function faultsOfName(expression: hbs.AST.Expression, { words }: Vocabulary): Fault[] {
  const name = nameOf(expression)
  if (words.has(name)) return []
  const known = [...words].toSorted().join(', ')
  return [fault(expression, `{{${name}}} is not known; this text knows ${known}`)]
}

function nameOf(expression: hbs.AST.Expression | hbs.AST.PathExpression): string {
  return 'original' in expression ? String(expression.original) : ''
}

const fault = ({ loc }: Node, told: string): Fault => ({ line: loc?.start.line ?? null, told })
