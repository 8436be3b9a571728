import { existsSync } from 'node:fs'
import { defineCommand } from 'citty'
import { type Finding, scan } from './key-scan.ts'
import { answer, Complaint, common, exits, paint, run, talk, waiting } from './shell.ts'

export const scanCommand = defineCommand({
  meta: { name: 'scan', description: 'Find API keys in files, without asking any server' },
  args: {
    path: { type: 'positional', description: 'A folder or a file', required: true },
    json: common.json,
  },
  run: ({ args }) =>
    run(args, async () => {
      if (!existsSync(args.path)) throw new Complaint(`There is no ${args.path}.`)
      let files = 0
      const progress = {
        file: () => {
          files += 1
        },
        unreadable: (path: string) => talk(`Cannot read ${path}`),
      }
      const found = await waiting(() => `${files} files`, all(scan(args.path, progress)))
      const lines = found.map(
        ({ path, line, prefix, last4 }) => `${path}:${line}: ${prefix}…${last4}`,
      )
      answer(args, found, ...lines)
      if (found.length === 0) return talk(paint('green', `No keys in ${files} files.`))
      talk(`${found.length} keys in ${files} files. Revoke them: freddy keys revoke ID`)
      process.exitCode = exits.failure
    }),
})

async function all(findings: AsyncIterable<Finding>): Promise<Finding[]> {
  const list: Finding[] = []
  for await (const finding of findings) list.push(finding)
  return list
}
