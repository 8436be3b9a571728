import { type ArgsDef, type CommandDef, runCommand, runMain, type SubCommandsDef } from 'citty'

/** Words that name no command, or options that the command does not take. */
const WRONG_WORDS = 2

/** Words that this command does not take: a typing mistake must not pass for an option left out. */
class UnknownWords extends Error {
  override readonly name = 'CLIError'
}

/** Runs the command that the words name. Wrong words end with 2 and a hint, so that scripts tell them from failures. */
export async function runWords(main: CommandDef, words: readonly string[]): Promise<void> {
  const rawArgs = [...words]
  if (words.some((word) => word === '--help' || word === '-h')) return runMain(main, { rawArgs })
  try {
    await runCommand(strict(main), { rawArgs })
  } catch (cause) {
    if (!(cause instanceof Error && cause.name === 'CLIError')) throw cause
    const named = words.slice(0, 1).filter((word) => commandsOf(main)[word])
    const help = ['freddy-auth', ...named, '--help'].join(' ')
    process.stderr.write(`\n  ${plain(cause.message)}\n  See: ${help}\n\n`)
    process.exit(WRONG_WORDS)
  }
}

/** The same command, and every one below it, with a look at its words before it runs. */
function strict(command: CommandDef): CommandDef {
  const below = Object.entries(commandsOf(command))
  if (below.length > 0) {
    const subCommands = Object.fromEntries(below.map(([name, sub]) => [name, strict(sub)]))
    return { ...command, subCommands }
  }
  return { ...command, setup: ({ args }) => requireKnown((command.args ?? {}) as ArgsDef, args) }
}

function requireKnown(known: ArgsDef, given: { readonly _: readonly string[] }): void {
  const names = Object.keys(known).flatMap((name) => [name, camelCase(name)])
  const option = Object.keys(given).find((name) => name !== '_' && !names.includes(name))
  if (option !== undefined) throw new UnknownWords(`Unknown option --${option}`)
  const places = Object.values(known).filter(({ type }) => type === 'positional').length
  const extra = given._[places]
  if (extra !== undefined) throw new UnknownWords(`Unknown word ${extra}`)
}

/** Every command of ours stands in its tree as it is, and not as a promise of one. */
function commandsOf(command: CommandDef): Readonly<Record<string, CommandDef>> {
  return (command.subCommands ?? {}) as SubCommandsDef & Readonly<Record<string, CommandDef>>
}

const camelCase = (name: string) =>
  name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase())

/** The sentence without the colours that it may carry. */
const plain = (text: string) =>
  text.replaceAll(new RegExp(`${String.fromCharCode(27)}\\[\\d+m`, 'g'), '')
