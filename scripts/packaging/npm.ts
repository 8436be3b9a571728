import { execFileSync } from 'node:child_process'
import { dirname } from 'node:path'

/** Runs npm in a folder, with a cache of its own and without a network; what it prints. */
export function runNpm(folder: string, cache: string, words: readonly string[]): string {
  const quiet = ['--silent', '--no-audit', '--no-fund', '--offline', `--cache=${cache}`]
  // The npm that runs this, where there is one; else the one on the PATH.
  const script = process.env.npm_execpath ?? ''
  const [command, ...first] = script.endsWith('npm-cli.js') ? [process.execPath, script] : ['npm']
  // The Node that runs this first, for the tools that look for one.
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` }
  const all = [...first, ...words, ...quiet]
  return execFileSync(command, all, { cwd: folder, env, encoding: 'utf8' })
}
