import { styleText } from 'node:util'
import { defineCommand } from 'citty'
import { openOperator } from '../app.ts'
import { ConfigError, readConfig } from '../config.ts'
import { examine, type Finding } from '../doctor.ts'
import { sentenceFor } from '../main.ts'
import { json, say } from './shell.ts'

const colours = { good: 'green', note: 'yellow', bad: 'red' } as const

export const doctorCommand = defineCommand({
  meta: { name: 'doctor', description: 'Looks at everything, and says what to do' },
  args: { json },
  async run({ args }) {
    showFindings(args, await look())
  },
})

/** A line each, and what to do below it; one that is bad ends the program with 1. */
export function showFindings(
  { json: forProgram }: { readonly json: boolean },
  findings: readonly Finding[],
): void {
  if (forProgram) say(JSON.stringify(findings, null, 2))
  if (!forProgram) for (const finding of findings) show(finding)
  if (findings.some(({ state }) => state === 'bad')) process.exitCode = 1
}

/** A server that could not even start has one finding: why. */
async function look(): Promise<Finding[]> {
  try {
    const operator = await openOperator(readConfig())
    try {
      return await examine(operator)
    } finally {
      await operator.close()
    }
  } catch (cause) {
    const problems = cause instanceof ConfigError ? cause.problems : [sentenceFor(cause)]
    const next = 'Mend this first, then look again'
    return problems.map((told) => ({ check: 'start', state: 'bad', told, next }))
  }
}

function show({ check, state, told, next }: Finding): void {
  say(`${styleText(colours[state], state.padEnd(4))}  ${check.padEnd(8)}  ${told}`)
  if (next !== null) say(`${' '.repeat(16)}${next}`)
}
