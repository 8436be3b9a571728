import { type ArgsDef, type CommandDef, renderUsage, runCommand } from 'citty'
import { exits, WrongWords } from './shell.ts'

const ENDS = `Ends with 0, or with ${exits.failure} when something failed, ${exits.wrongWords} for wrong words, ${exits.signIn} where one has to sign in.`

/** Runs the command that the words name; wrong ones end with 2 and a hint. */
export async function runWords(main: CommandDef, words: readonly string[]): Promise<void> {
  const asksHelp = words.includes('--help') || words.includes('-h')
  if (asksHelp || isGroup(main, words)) return showHelp(main, words)
  try {
    await runCommand(strict(main), { rawArgs: [...words] })
  } catch (cause) {
    if (!(cause instanceof Error && cause.name === 'CLIError')) throw cause
    const [first = ''] = words
    const named = commandsOf(main)[first] ? `${first} ` : ''
    process.stderr.write(`${plain(cause.message)}\nSee: freddy ${named}--help\n`)
    process.exitCode = exits.wrongWords
  }
}

/** Whether commands may follow, and none does: who types `freddy keys` wants to know which. */
function isGroup(command: CommandDef, [first, ...rest]: readonly string[]): boolean {
  const below = commandsOf(command)
  if (first === undefined) return Object.keys(below).length > 0
  const next = below[first]
  return next !== undefined && isGroup(next, rest)
}

/** What the words say so far, in colour only where somebody sees it. */
async function showHelp(main: CommandDef, words: readonly string[]): Promise<void> {
  let command = main
  const names: string[] = []
  for (const word of words) {
    const below = commandsOf(command)[word]
    if (!below) break
    command = below
    names.push(word)
  }
  const parent = { meta: { name: ['freddy', ...names.slice(0, -1)].join(' ') } }
  const rendered = await renderUsage(command, names.length > 0 ? parent : undefined)
  // That an option is off until it is given goes without saying.
  const usage = rendered.replaceAll(/ (\S*)\(Default: false\)/g, '$1')
  const isSeen = process.stdout.isTTY && !process.env.NO_COLOR
  const told = names.length > 0 ? usage : `${usage}\n\n${ENDS}`
  process.stdout.write(`${isSeen ? told : plain(told)}\n`)
}

/** Every command of ours stands in its tree as it is, and not as a promise of one. */
export function commandsOf({ subCommands = {} }: CommandDef): Readonly<Record<string, CommandDef>> {
  return subCommands as Readonly<Record<string, CommandDef>>
}

/** The options that a command takes, as they are typed. */
export function optionsOf({ args = {} }: CommandDef): readonly string[] {
  return Object.entries(args as ArgsDef)
    .filter(([, { type }]) => type !== 'positional')
    .map(([name]) => `--${name}`)
}

/** The same command, and every one below it, with a look at its words before it runs. */
function strict(command: CommandDef): CommandDef {
  const below = Object.entries(commandsOf(command))
  if (below.length > 0) {
    return {
      ...command,
      subCommands: Object.fromEntries(below.map(([name, sub]) => [name, strict(sub)])),
    }
  }
  return { ...command, setup: ({ args }) => requireKnown(command.args as ArgsDef, args) }
}

function requireKnown(known: ArgsDef = {}, given: { readonly _: readonly string[] }): void {
  const names = Object.keys(known).flatMap((name) => [name, camelCase(name)])
  const option = Object.keys(given).find((name) => name !== '_' && !names.includes(name))
  if (option !== undefined) throw new WrongWords(`Unknown option --${option}`)
  const places = Object.values(known).filter(({ type }) => type === 'positional').length
  const extra = given._[places]
  if (extra !== undefined) throw new WrongWords(`Unknown word ${extra}`)
}

const camelCase = (name: string) =>
  name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

const plain = (text: string) =>
  text.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g'), '')
