import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Case } from './case.ts'
import { playCase } from './case-server.ts'

/**
 * `node sdk/cases/serve.ts sdk/cases/NAME.json` plays the server of a case for a client in any language. It prints one
 * line of JSON for its address and one for each command (`down`, `up`); when its input ends, its verdict. Nobody has to
 * end it: it lives as long as who started it.
 */
const [file = ''] = process.argv.slice(2)
const server = await playCase(JSON.parse(readFileSync(file, 'utf8')) as Case)
print({ base_url: server.baseUrl })

for await (const line of createInterface({ input: process.stdin })) {
  const command = line.trim()
  if (command !== 'down' && command !== 'up') continue
  await server[command]()
  print({ did: command })
}

const problems = server.problems()
print({ kept: problems.length === 0, problems })
process.exit(problems.length === 0 ? 0 : 1)

function print(told: object): void {
  process.stdout.write(`${JSON.stringify(told)}\n`)
}
