import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Case } from './case.ts'
import { type CaseServer, playCase } from './case-server.ts'

/**
 * `node sdk/cases/serve.ts sdk/cases/NAME.json` plays the server of a case for a client in any language. It prints one
 * line of JSON for its address and one for each command (`down`, `up`); when its input ends, its verdict. Without a name
 * it plays one case after the other: `play FILE` begins one, `end` has its verdict. Nobody has to end it: it lives as
 * long as who started it.
 */
const [file] = process.argv.slice(2)
let server = file === undefined ? null : await begin(file)
let allKept = true

for await (const line of createInterface({ input: process.stdin })) {
  const [command = '', ...path] = line.trim().split(' ')
  if (command === 'play') server = await begin(path.join(' '))
  if (command === 'end') server = await end(server)
  if (command === 'down' || command === 'up') {
    await server?.[command]()
    print({ did: command })
  }
}

await end(server)
process.exit(allKept ? 0 : 1)

async function begin(path: string): Promise<CaseServer> {
  const begun = await playCase(JSON.parse(readFileSync(path, 'utf8')) as Case)
  print({ base_url: begun.baseUrl })
  return begun
}

async function end(played: CaseServer | null): Promise<null> {
  if (!played) return null
  const problems = played.problems()
  allKept &&= problems.length === 0
  print({ kept: problems.length === 0, problems })
  await played.down()
  return null
}

function print(told: object): void {
  process.stdout.write(`${JSON.stringify(told)}\n`)
}
