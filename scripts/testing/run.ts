import { spawn } from 'node:child_process'
import { root } from './root.ts'

/** How long output may trail in after the end: a daemon that was started may keep the pipe for ever. */
const TRAILING_MS = 500

export interface Ended {
  readonly exitCode: number
  readonly output: string
}

/** Runs a program to its end and keeps all it says. A program that is not there ends with 127. */
export function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
  cwd: string = root,
): Promise<Ended> {
  return new Promise((resolve) => {
    const child = spawn(command, args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const parts: string[] = []
    const resolveWith = (exitCode: number) => {
      child.stdout.destroy()
      child.stderr.destroy()
      resolve({ exitCode, output: parts.join('') })
    }
    child.stdout.setEncoding('utf8').on('data', (part: string) => parts.push(part))
    child.stderr.setEncoding('utf8').on('data', (part: string) => parts.push(part))
    child.on('error', (error) => resolve({ exitCode: 127, output: error.message }))
    child.on('exit', (code) => setTimeout(resolveWith, TRAILING_MS, code ?? 1).unref())
    child.on('close', (code) => resolveWith(code ?? 1))
  })
}
