import assert from 'node:assert/strict'
import { makeApiKey } from '../src/auth/api-key.ts'
import { allowed } from '../src/auth/audit.ts'
import { appointUser, deleteUser } from '../src/auth/roster.ts'
import { DAY, type Freddy, MINUTE, type Person, scene } from './freddy.ts'
import { keyOwner } from './key-owner.ts'

const origin = { address: 'shell', source: 'shell', network: null, agent: 'freddy-auth' }

interface Told {
  readonly ids: readonly string[]
  readonly next: string
  readonly hasMore: boolean
}

/** Somebody who verifies offline, and asks what ended. */
async function follower(freddy: Freddy) {
  const { id } = await freddy.person('resource')
  const { app } = freddy.running
  const wish = { userId: id, name: 'k', scopes: ['tokens:introspect'], expiresAt: null }
  const made = await makeApiKey({ app, origin, now: freddy.now() }, wish)
  const headers = { 'api-key': made?.key ?? '' }
  const worth = async (token: string): Promise<boolean> => {
    const answer = await freddy.ask('POST /v1/auth/introspect', { headers, body: { token } })
    assert.equal(answer.status, 200, answer.text)
    return answer.body.active
  }
  const listen = async (after?: string): Promise<Told> => {
    const line = `GET /v1/auth/revocations${after ? `?after=${after}` : ''}`
    const answer = await freddy.ask(line, { headers })
    assert.equal(answer.status, 200, answer.text)
    const { data, next, has_more } = answer.body
    return { ids: data.map((row: { id: string }) => row.id), next, hasMore: has_more }
  }
  return Object.assign(listen, { worth })
}

async function makeKey(freddy: Freddy, token: string): Promise<string> {
  const { body } = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'k' } })
  return body.id
}

scene('who follows what ended hears of every way to end', async (freddy) => {
  const listen = await follower(freddy)
  const { app } = freddy.running
  assert.deepEqual((await listen()).ids, [])
  const event = (name: string) => allowed({ now: freddy.now(), origin }, name)
  const enter = async (who: Person) => {
    const { token, device_id } = await freddy.signIn(who)
    return { token: String(token), session: String(device_id), key: await makeKey(freddy, token) }
  }
  const ada = await freddy.person('ada')
  const bob = await freddy.person('bob')
  const cat = await freddy.person('cat')
  const [first, second] = [await enter(ada), await enter(ada)]
  const disabled = await enter(bob)
  const deleted = await enter(cat)

  await freddy.ask('POST /v1/auth/logout', { token: first.token })
  await freddy.ask(`DELETE /v1/api-keys/${first.key}`, { token: second.token })
  await app.store.apiKeys.pause(second.key, ada.id, event('key.paused'))
  const begun = await listen()
  assert.deepEqual([...begun.ids].sort(), [first.key, second.key, first.session].sort())

  freddy.pass(5 * MINUTE)
  const { next } = await listen(begun.next)
  await app.store.roster.disable(bob.id, event('user.disabled'))
  await deleteUser({ app, origin, now: freddy.now(), actor: 'shell' }, cat.id)
  const later = await listen(next)
  const gone = [disabled.session, disabled.key, deleted.session, deleted.key]
  assert.deepEqual([...later.ids].sort(), gone.sort(), 'what was told before is not told again')
  assert.equal((await listen()).ids.length, 7)

  // A resumed key is told no more; a deleted person's session stays told while its token may live.
  await app.store.apiKeys.resume(second.key, ada.id, event('key.resumed'))
  assert.equal((await listen()).ids.includes(second.key), false)
  freddy.pass(DAY - 5 * MINUTE)
  assert.ok((await listen()).ids.includes(deleted.session))
  freddy.pass(10 * MINUTE)
  assert.equal((await listen()).ids.includes(deleted.session), false)
})

scene('who follows what ended hears of another secret, and asks again', async (freddy) => {
  const listen = await follower(freddy)
  const ada = await keyOwner(freddy)
  const { id, key } = (await ada.make()).body
  freddy.pass(5 * MINUTE)
  const { next, ids } = await listen()
  assert.deepEqual(ids, [])
  const { body } = await ada.act(id, 'rotate', { overlap_days: 0 })
  assert.deepEqual((await listen(next)).ids, [id])
  assert.deepEqual([await listen.worth(key), await listen.worth(body.key)], [false, true])
})

scene('a session that a panic ended is listed until the panic is undone', async (freddy) => {
  const listen = await follower(freddy)
  const ada = await keyOwner(freddy)
  const { key, id } = (await ada.make()).body
  const root = await freddy.person('root')
  await appointUser(
    { app: freddy.running.app, origin, now: freddy.now(), actor: 'shell' },
    root.id,
    'admin',
  )
  freddy.pass(1000)
  const { token } = await freddy.signIn(root)
  const panic = async (more: object) => {
    const body = { user: 'ada', ...more }
    return (await freddy.ask('POST /v1/admin/panic', { token, body })).body
  }
  const alive = async () => [await listen.worth(ada.token), await listen.worth(key)]
  const done = await panic({ confirm: (await panic({})).confirm })
  const { ids } = await listen()
  assert.equal(ids.length, 2)
  assert.ok(ids.includes(id))
  assert.deepEqual(await alive(), [false, false])
  assert.equal((await freddy.ask(`POST /v1/admin/panic/${done.id}/undo`, { token })).status, 200)
  assert.deepEqual((await listen()).ids, [])
  assert.deepEqual(await alive(), [true, true])
})

scene('what a slower server writes a moment later is still heard of', async (freddy) => {
  const listen = await follower(freddy)
  const { device_id, token } = await freddy.signIn(await freddy.person('ada'))
  const { next } = await listen()
  await freddy.ask('POST /v1/auth/logout', { token })
  await freddy.database.write('UPDATE sessions SET ended_at = :at WHERE id = :id', {
    at: freddy.now() - MINUTE + 1000,
    id: device_id,
  })
  freddy.pass(1000)
  assert.deepEqual((await listen(next)).ids, [device_id])
})

scene('many endings of one moment are told page by page, each once', async (freddy) => {
  const listen = await follower(freddy)
  const now = freddy.now()
  const ids = Array.from({ length: 2500 }, (_, n) => `ses_${String(n).padStart(32, '0')}`)
  await freddy.database.batch(
    ids.map((session) => ({
      sql: 'INSERT INTO revocations (id, kind, ended_at) VALUES (:session, :kind, :now)',
      params: { session, kind: 'session', now },
    })),
  )
  const told: string[] = []
  let page = await listen()
  for (let count = 0; count < 5; count++) {
    told.push(...page.ids)
    if (!page.hasMore) break
    page = await listen(page.next)
  }
  assert.deepEqual(told, ids)
  assert.equal(page.next, `${now - MINUTE}_`)
  for (const odd of ['0_', '999999999999999_', `${now + 1}_ses_9`]) {
    assert.equal((await listen(odd)).ids.length, 1000, 'an odd cursor begins anew')
  }
})

scene('attack 096: what ended is told to an admin and to keys of the operator', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const ask = (more: object) => freddy.ask('GET /v1/auth/revocations', more)
  assert.equal((await ask({})).status, 401)
  assert.equal((await ask({ token })).status, 403)
  const { body } = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'k' } })
  assert.equal((await ask({ headers: { 'api-key': body.key } })).status, 403)
  const bad = await freddy.ask(`GET /v1/auth/revocations?after=1' OR 1=1`, { token })
  assert.ok([400, 404, 422].includes(bad.status))
  await freddy.database.write(`UPDATE users SET role = 'admin' WHERE id = :id`, { id: ada.id })
  assert.deepEqual((await ask({ token })).body.data, [])
})
