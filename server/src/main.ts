import { keepCompiled } from './compiled.ts'
import { ConfigError, readConfig } from './config.ts'
import { openDatabase } from './open-database.ts'

/** Reads the configuration and runs the server, in this process or in several. The database opens while the server is read. */
export async function serve(): Promise<void> {
  try {
    const config = readConfig()
    const isPrimary = config.workers > 1 && (await import('node:cluster')).default.isPrimary
    if (isPrimary) return (await import('./processes/primary.ts')).runProcesses(config)
    keepCompiled(config)
    const opening = openDatabase(config)
    // Whoever waits for it is told; until then nobody does.
    opening.catch(() => {})
    const { run } = await import('./run.ts')
    return await run(config, opening)
  } catch (cause) {
    fail(cause)
  }
}

/** One sentence that says what to do, and exit code 1. */
export function fail(cause: unknown, heading = 'Freddy Auth did not start.'): never {
  const lines = cause instanceof ConfigError ? cause.problems : [sentenceFor(cause)]
  process.stderr.write(`\n  ${heading}\n\n${lines.map((line) => `  ${line}\n`).join('')}\n`)
  process.exit(1)
}

/** What went wrong, in a sentence that says what to do where that is known. */
export function sentenceFor(cause: unknown): string {
  if (!(cause instanceof Error)) return 'Something unknown went wrong.'
  const { code, path, port } = cause as NodeJS.ErrnoException & { port?: number }
  const told: Record<string, string> = {
    EADDRINUSE: `Port ${port} is in use. Stop what listens there, or choose another: PORT=${(port ?? 3000) + 1} npm start`,
    EADDRNOTAVAIL: 'HOST is not an address of this machine. Leave it out to listen on 127.0.0.1.',
    EACCES: `No permission for ${path ?? `port ${port}`}. Choose a folder of yours (DATA_DIR) or a port above 1023.`,
    ECONNREFUSED:
      'The database of DATABASE_URL does not answer. Start it, or leave DATABASE_URL out to use SQLite.',
  }
  return told[code ?? ''] ?? cause.message
}

if (import.meta.main) await serve()
