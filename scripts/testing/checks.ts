import { join } from 'node:path'
import { root } from './root.ts'
import { type Ended, run } from './run.ts'
import { stage } from './stage.ts'
import { Unprepared } from './unprepared.ts'

const biome = { reading: ['ci', '--colors=off'], mending: ['check', '--write', '--colors=off'] }

/** Form, lint and types, one after the other; what a failing one says is shown. Answers how many failed. */
export async function runChecks(how: keyof typeof biome = 'reading'): Promise<number> {
  const checks = [
    { name: 'biome', script: '@biomejs/biome/bin/biome', args: biome[how] },
    { name: 'tsc', script: 'typescript/bin/tsc', args: ['-p', '.', '--noEmit'] },
    { name: 'tsc hub', script: 'typescript/bin/tsc', args: ['-p', 'hub', '--noEmit'] },
    {
      name: 'tsc sdk',
      script: 'typescript/bin/tsc',
      args: ['-p', 'sdk/typescript', '--noEmit'],
    },
  ]
  let failed = 0
  for (const { name, script, args } of checks) {
    const path = join(root, 'node_modules', script)
    await stage(name, () => mustPass(process.execPath, [path, ...args])).catch((error) => {
      if (!(error instanceof Unprepared)) throw error
      console.error(error.message)
      failed += 1
    })
  }
  return failed
}

async function mustPass(command: string, args: readonly string[]): Promise<void> {
  const ended: Ended = await run(command, args)
  if (ended.exitCode !== 0) throw new Unprepared(ended.output.trimEnd())
}
