import { type CommandDef, defineCommand } from 'citty'
import { answer, common, run, WrongWords } from './shell.ts'
import { commandsOf, optionsOf } from './words.ts'

const shells = ['bash', 'zsh', 'fish'] as const
type Shell = (typeof shells)[number]

/** Made from the commands themselves, so that it cannot lag behind them. */
export function completionCommand(main: () => CommandDef) {
  return defineCommand({
    meta: { name: 'completion', description: 'Words that a shell completes: bash, zsh, fish' },
    args: {
      shell: { type: 'positional', description: shells.join(', '), required: true },
      json: common.json,
    },
    run: ({ args }) =>
      run(args, async () => {
        const shell = shells.find((known) => known === args.shell)
        if (!shell) throw new WrongWords(`completion takes ${shells.join(', ')}.`)
        const script = scripts[shell](linesOf(main()))
        answer(args, { shell, script }, script)
      }),
  })
}

/** What may follow some words: `keys` is followed by `list`, `create`, `revoke`. */
interface Line {
  readonly after: readonly string[]
  readonly words: readonly { readonly word: string; readonly says: string }[]
  readonly takesPath: boolean
}

function linesOf(command: CommandDef, after: readonly string[] = []): Line[] {
  const below = Object.entries(commandsOf(command))
  const options = optionsOf(command).map((word) => ({ word, says: '' }))
  const commands = below.map(([word, sub]) => ({ word, says: descriptionOf(sub) }))
  const takesPath = 'path' in (command.args ?? {})
  const line = { after, words: [...commands, ...options], takesPath }
  return [line, ...below.flatMap(([name, sub]) => linesOf(sub, [...after, name]))]
}

/** Every command of ours says what it is in plain data. */
function descriptionOf({ meta }: CommandDef): string {
  return meta && 'description' in meta ? String(meta.description) : ''
}

const scripts: Readonly<Record<Shell, (lines: readonly Line[]) => string>> = {
  bash: (lines) => `# source <(freddy completion bash)
_freddy() {
  local words="\${COMP_WORDS[*]:1:COMP_CWORD-1}" current="\${COMP_WORDS[COMP_CWORD]}"
  case "$words" in
${casesOf(lines, (words) => `COMPREPLY=($(compgen -W '${words}' -- "$current"))`)}
  esac
}
complete -o default -F _freddy freddy`,
  zsh: (lines) => `#compdef freddy
_freddy() {
  case "\${words[2,CURRENT-1]}" in
${casesOf(lines, (words, takesPath) => `compadd -- ${words}${takesPath ? '; _files' : ''}`)}
  esac
}
compdef _freddy freddy`,
  fish: (lines) => `# freddy completion fish | source
complete -c freddy -f
${lines.flatMap(fishLines).join('\n')}`,
}

/** Options may stand before the last word; deeper commands come first, since they are the closer fit. */
function casesOf(
  lines: readonly Line[],
  reply: (words: string, takesPath: boolean) => string,
): string {
  const deepest = lines.toSorted((a, b) => b.after.length - a.after.length)
  return deepest
    .map(({ after, words, takesPath }) => {
      const pattern = after.length > 0 ? `'${after.join(' ')}'*` : "''"
      const all = words.map(({ word }) => word).join(' ')
      return `    ${pattern}) ${reply(all, takesPath)} ;;`
    })
    .join('\n')
}

function fishLines({ after, words, takesPath }: Line): string[] {
  const below = words.flatMap(({ word }) => (word.startsWith('--') ? [] : [word]))
  const seen = [
    ...after.map((word) => `__fish_seen_subcommand_from ${word}`),
    ...(below.length > 0 ? [`not __fish_seen_subcommand_from ${below.join(' ')}`] : []),
  ].join('; and ')
  const when = after.length > 0 ? seen : '__fish_use_subcommand'
  const files = takesPath ? [`complete -c freddy -n '${when}' -F`] : []
  const all = words.map(({ word, says }) => {
    const what = word.startsWith('--') ? `-l ${word.slice(2)}` : `-a ${word}`
    return `complete -c freddy -n '${when}' ${what}${says ? ` -d '${says.replaceAll("'", "\\'")}'` : ''}`
  })
  return [...all, ...files]
}
