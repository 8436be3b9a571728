import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { root } from '../../../scripts/testing/root.ts'
import { knownVersions } from '../../src/store/migrate.ts'
import { type ServerProcess, startProgram } from '../server-process.ts'

/** This server as its next version might be: the same, with one migration more. */
export interface NextVersion {
  readonly version: string
  readonly script: string
  start(env: Record<string, string>): Promise<ServerProcess>
  drop(): void
}

/** Columns on what every request touches, a table of its own, and an index. */
const adds = `ALTER TABLE users ADD COLUMN next_note TEXT;
ALTER TABLE challenges ADD COLUMN next_note TEXT;
ALTER TABLE sessions ADD COLUMN next_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE api_keys ADD COLUMN next_count BIGINT NOT NULL DEFAULT 0;
ALTER TABLE budgets ADD COLUMN next_note TEXT;
ALTER TABLE outbox ADD COLUMN next_note TEXT;
ALTER TABLE audit_events ADD COLUMN next_note TEXT;
CREATE TABLE next_things (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  made_at BIGINT NOT NULL
);
CREATE INDEX sessions_by_next_count ON sessions (next_count);
`

const ours = (knownVersions().at(-1) ?? '').slice(0, 4)
export const nextMigration = {
  version: `${String(Number(ours) + 1).padStart(4, '0')}-next`,
  script: `-- Runs with servers from ${ours} on.\n${adds}`,
}

export function makeNextVersion(): NextVersion {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-next-'))
  const { version, script } = nextMigration
  mkdirSync(join(folder, 'server'))
  cpSync(join(root, 'server', 'src'), join(folder, 'server', 'src'), { recursive: true })
  for (const name of ['node_modules', 'package.json', 'hub', 'docs']) {
    symlinkSync(join(root, name), join(folder, name))
  }
  writeFileSync(join(folder, 'server', 'src', 'store', 'migrations', `${version}.sql`), script)
  const main = join(folder, 'server', 'src', 'main.ts')
  return {
    version,
    script,
    start: (env) => startProgram(['--disable-warning=ExperimentalWarning', main], env),
    drop: () => rmSync(folder, { recursive: true, force: true }),
  }
}
