import { mkdtempSync, rmSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import Fastify from 'fastify'
import { ready } from '../frame/serving.ts'

/** The floor of what needs the database: one statement on SQLite for each request, each write with its own fsync. */
const dataDir = mkdtempSync(join(tmpdir(), 'freddy-bench-'))
process.once('exit', () => rmSync(dataDir, { recursive: true, force: true }))
const database = new DatabaseSync(join(dataDir, 'floor.db'))
database.exec('PRAGMA journal_mode = WAL')
database.exec('PRAGMA synchronous = FULL')
database.exec(
  'CREATE TABLE tokens (id TEXT PRIMARY KEY, hash TEXT NOT NULL, used_at INTEGER) STRICT',
)
database.exec('CREATE TABLE rows (owner TEXT, at INTEGER, told TEXT)')
database.exec('CREATE INDEX rows_by_owner ON rows (owner, at)')
const add = database.prepare('INSERT INTO tokens VALUES (?, ?, 0)')
const addRow = database.prepare('INSERT INTO rows VALUES (?, ?, ?)')
database.exec('BEGIN')
for (let index = 0; index < 2000; index++) {
  add.run(`session${index}`, 'first')
  for (let row = 0; row < 20; row++) addRow.run(`person${index}`, row, 'x'.repeat(400))
}
database.exec('COMMIT')
const rotate = database.prepare(
  'UPDATE tokens SET hash = ?, used_at = ? WHERE id = ? AND hash IS NOT NULL RETURNING id',
)
const list = database.prepare('SELECT at, told FROM rows WHERE owner = ? ORDER BY at DESC LIMIT 20')

const http = Fastify({ logger: false })
let asked = 0
http.post('/write', async () => {
  asked += 1
  const now = Date.now()
  return { refreshToken: rotate.get(`hash${asked}`, now, `session${asked % 2000}`)?.id }
})
http.get('/read', async () => {
  asked += 1
  return { object: 'list', data: list.all(`person${asked % 2000}`) }
})
await http.listen({ port: 0, host: '127.0.0.1' })
ready((http.server.address() as AddressInfo).port, null)
