import { defineCommand } from 'citty'
import { readConfig } from '../config.ts'
import { fail } from '../main.ts'
import { say } from './shell.ts'

const PATIENCE_MS = 4000

/** For what watches a container and brings nothing to ask with: ends with 0 when the server takes writes, else with 1. */
export const healthCommand = defineCommand({
  meta: { name: 'health', description: 'Whether the server beside it is ready; ends with 0 or 1' },
  async run() {
    const { host, port } = configOrFail()
    const base = `http://${reachable(host)}:${port}`
    try {
      const answer = await fetch(`${base}/readyz`, { signal: AbortSignal.timeout(PATIENCE_MS) })
      say(await answer.text())
      if (!answer.ok) process.exitCode = 1
    } catch {
      say(`Nothing answers at ${base}.`)
      process.exitCode = 1
    }
  },
})

function configOrFail() {
  try {
    return readConfig()
  } catch (cause) {
    return fail(cause, 'That did not work.')
  }
}

/** An address that means every one is asked at one of them. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1'
  if (host === '::' || host === '[::]') return '[::1]'
  return host.includes(':') && !host.startsWith('[') ? `[${host}]` : host
}
