import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { findBrokenSeal, sealEvents } from '../src/auth/audit-chain.ts'
import type { Database, Row } from '../src/store/database.ts'
import { knownTables, knownVersions, migrate, scriptFor } from '../src/store/migrate.ts'
import { insert } from '../src/store/sql.ts'
import { databases } from './databases.ts'
import { type Freddy, startFreddy } from './freddy.ts'

/*
 * Each file of schemas/ was written by the server that had these migrations and no more: two people, of whom one has
 * signed out, a key and a call by it, a code and a registration that wait, a letter that was not sent yet.
 */

interface Past {
  readonly now: number
  readonly schema: readonly string[]
  readonly ada: Record<'token' | 'refresh_token' | 'key' | 'email_key' | 'code', string>
  readonly bob: Record<'token' | 'refresh_token', string>
  readonly cleo: Record<'email_key' | 'code', string>
  readonly rows: readonly (readonly [table: string, row: Row])[]
}

const folder = new URL('schemas/', import.meta.url)
const files = readdirSync(folder).filter((name) => name.endsWith('.jsonl'))

function read(file: string): Past {
  const [head, ...rows] = readFileSync(new URL(file, folder), 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  return { ...head, rows }
}

/** Each on one of the databases, in turn; `npm run faults` tries each on both. */
const both = process.env.FAULT_ROUNDS !== undefined

for (const [engineIndex, { name: engine, openEmpty }] of databases.entries()) {
  for (const [index, file] of files.entries()) {
    if (!both && index % databases.length !== engineIndex) continue
    test(`F34: what the server of ${file.replace('.jsonl', '')} kept is all there, and works (${engine})`, async () => {
      const past = read(file)
      const place = await openEmpty()
      const { database } = place
      let freddy: Omit<Freddy, 'database'> | null = null
      try {
        for (const version of past.schema)
          await database.migrate(version, scriptFor(engine, version))
        await database.batch(past.rows.map(([table, row]) => insert(table, row)))
        const missing = knownVersions().filter((version) => !past.schema.includes(version))
        assert.deepEqual(await migrate(database), missing)
        await requireRows(database, past)
        freddy = await startFreddy(place.url, engine)
        freddy.pass(past.now - freddy.now() + 1000)
        await tryEverything({ ...freddy, database }, past)
      } finally {
        await freddy?.running.close()
        await freddy?.mail.close()
        await place.drop()
      }
    })
  }
}

async function requireRows(database: Database, { rows }: Past): Promise<void> {
  const still = knownTables()
  const kept = rows.filter(([table]) => still.includes(table))
  for (const [table, row] of kept) {
    const found = await database.read(`SELECT ${Object.keys(row).join(', ')} FROM ${table}`)
    const wanted = JSON.stringify(row)
    assert.ok(
      found.some((each) => JSON.stringify({ ...each }) === wanted),
      `${table}: ${wanted}`,
    )
  }
}

async function tryEverything(freddy: Freddy, { ada, bob, cleo }: Past): Promise<void> {
  const { ask } = freddy
  const status = async (...words: Parameters<typeof ask>) => (await ask(...words)).status
  const refresh = ({ refresh_token }: { refresh_token: string }) =>
    status('POST /v1/auth/refresh', { body: { refresh_token } })

  assert.equal(await status('GET /v1/user/me', { token: ada.token }), 200)
  assert.equal(await refresh(ada), 200)
  assert.equal(await status('GET /v1/user/me', { token: bob.token }), 401)
  assert.equal(await refresh(bob), 401)
  assert.equal(await status('GET /v1/models', { headers: { 'api-key': ada.key } }), 200)
  assert.equal((await freddy.verify(ada.email_key, ada.code)).status, 200)
  assert.equal((await freddy.verify(ada.email_key, ada.code)).status, 401)
  assert.equal((await freddy.verify(cleo.email_key, cleo.code)).status, 200)
  // Bob's letter was waiting since then.
  assert.ok(await freddy.codeFor('bob@example.com'))
  const { audit } = freddy.running.app.store
  while ((await sealEvents(audit)) > 0);
  assert.equal(await findBrokenSeal(audit), null)
}
