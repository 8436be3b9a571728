import { runChecks } from './testing/checks.ts'

/** `npm run check`: form, lint and types, in seconds. */
process.exitCode = (await runChecks()) > 0 ? 1 : 0
