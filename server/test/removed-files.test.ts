import assert from 'node:assert/strict'
import { copyFileSync, renameSync, rmSync } from 'node:fs'
import { DatabaseSync } from 'node:sqlite'
import { test } from 'node:test'
import { databases } from './databases.ts'
import { isAway, look, openScene } from './known-caller.ts'

const [sqlite] = databases

test('F44: nothing is answered as kept in a file that was taken away, and all goes on when it is back', async (t) => {
  const place = await sqlite.open()
  const scene = await openScene(t, place, place.url, { LIMITS: 'requests=off' })
  const { freddy, token } = scene
  const make = (name: string) => freddy.ask('POST /v1/api-keys', { token, body: { name } })
  assert.equal((await make('before')).status, 201)

  renameSync(place.url, `${place.url}.away`)
  isAway(await make('gone'))
  assert.equal((await freddy.ask('GET /readyz')).status, 503)
  assert.equal((await look(scene)).status, 200, 'who is known goes on')
  copyFileSync(`${place.url}.away`, place.url)
  isAway(await make('in another file'))

  renameSync(`${place.url}.away`, place.url)
  assert.equal((await make('after')).status, 201)
  assert.equal((await freddy.ask('GET /readyz')).status, 200)
  const rows = await place.database.read(
    "SELECT name FROM api_keys WHERE name <> 'k' ORDER BY name",
  )
  assert.deepEqual(
    rows.map(({ name }) => name),
    ['after', 'before'],
  )
})

test('F44: what was answered out of a log that was removed is carried over into its database', async (t) => {
  const place = await sqlite.open()
  const { freddy, token } = await openScene(t, place, place.url, { LIMITS: 'requests=off' })
  const make = (name: string) => freddy.ask('POST /v1/api-keys', { token, body: { name } })
  assert.equal((await make('before')).status, 201)
  rmSync(`${place.url}-wal`)
  isAway(await make('gone'))

  const copy = `${place.url}.copy`
  copyFileSync(place.url, copy)
  const alone = new DatabaseSync(copy)
  t.after(() => alone.close())
  const [row] = alone.prepare("SELECT count(*) AS count FROM api_keys WHERE name = 'before'").all()
  assert.equal(row?.count, 1)
})
