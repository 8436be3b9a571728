import { writeFileSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import { knownTables, knownVersions } from '../../src/store/migrate.ts'
import { databases } from '../databases.ts'
import { PASSWORD, startFreddy } from '../freddy.ts'

/*
 * `node server/test/schemas/make.ts`, before a migration is added: keeps what the server of today writes, so that
 * every later one is tried on it.
 */

const place = await databases[0].open()
const freddy = await startFreddy(place.url, 'SQLite')
const [ada, bob] = [await freddy.person('ada'), await freddy.person('bob')]
const { token, refreshToken } = await freddy.signIn(ada)
const made = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'a program' } })
const { key } = made.body
const asked = { model: 'echo-1', input: 'Hello' }
await freddy.ask('POST /v1/responses', { headers: { 'api-key': key }, body: asked })
const ended = await freddy.signIn(bob)
await freddy.ask('POST /v1/auth/logout', { token: ended.token, body: {} })
const { email_key } = (await freddy.login(ada)).body
const code = await freddy.codeFor(ada.email)
const cleo = { email: 'cleo@example.com', password: PASSWORD }
const registered = await freddy.ask('POST /v1/auth/register', { body: cleo })
const head = {
  now: freddy.now(),
  schema: knownVersions(),
  ada: { token, refresh_token: refreshToken, key, email_key, code },
  bob: { token: ended.token, refresh_token: ended.refreshToken },
  cleo: { email_key: registered.body.email_key, code: await freddy.codeFor(cleo.email) },
}
await freddy.login(bob)
await freddy.running.close()
await freddy.mail.close()

const database = new DatabaseSync(place.url)
const rows = knownTables().flatMap((table) =>
  database
    .prepare(`SELECT * FROM ${table}`)
    .all()
    .map((row) => [table, row]),
)
database.close()
await place.drop()
const name = `${String(head.schema.length).padStart(2, '0')}-${head.schema.at(-1)?.slice(5)}.jsonl`
const lines = [head, ...rows].map((line) => JSON.stringify(line))
writeFileSync(fileURLToPath(new URL(name, import.meta.url)), `${lines.join('\n')}\n`)
console.log(name)
