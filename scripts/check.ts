import { runChecks } from './testing/checks.ts'

/** `npm run check`: form, lint and types, in seconds; `-- --write` mends first what can be mended. */
const how = process.argv.includes('--write') ? 'mending' : 'reading'
process.exitCode = (await runChecks(how)) > 0 ? 1 : 0
