import assert from 'node:assert/strict'
import {
  type Acting,
  appointUser,
  deleteUser,
  disableUser,
  enableUser,
} from '../src/auth/roster.ts'
import { ApiError } from '../src/errors.ts'
import { type Freddy, type Person, scene } from './freddy.ts'
import { shellBeside } from './shell.ts'

const origin = { address: 'shell', source: 'shell', network: null, agent: 'freddy-auth' }

const shell = (freddy: Freddy, ...words: string[]) => shellBeside(freddy, words)

const acting = ({ running, now }: Freddy) => ({
  app: running.app,
  origin,
  now: now(),
  actor: 'shell',
})

async function admin(freddy: Freddy, name: string): Promise<Person & { token: string }> {
  const person = await freddy.person(name)
  await appointUser(acting(freddy), person.id, 'admin')
  freddy.pass(1000)
  return { ...person, token: (await freddy.signIn(person)).token }
}

scene('attack 025: the directory opens to an admin, and to nobody else', async (freddy) => {
  const root = await admin(freddy, 'root')
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  for (const line of ['GET /v1/admin/users', `GET /v1/admin/users/${ada.id}`]) {
    assert.equal((await freddy.ask(line)).status, 401)
    assert.equal((await freddy.ask(line, { token })).status, 403)
    assert.equal((await freddy.ask(line, { token: root.token })).status, 200)
  }
  const find = async (search: string) => {
    const url = `GET /v1/admin/users?search=${encodeURIComponent(search)}`
    const { body } = await freddy.ask(url, { token: root.token })
    return body.data.map(({ id }: { id: string }) => id)
  }
  assert.deepEqual(await find('ADA@example.com'), [ada.id])
  assert.deepEqual(await find('ad'), [ada.id])
  assert.deepEqual(await find('%'), [])
})

scene('the list of people goes page by page, each of them once', async (freddy) => {
  const root = await admin(freddy, 'root')
  for (const name of ['ada', 'bob', 'cleo']) await freddy.person(name)
  const seen: string[] = []
  let after = ''
  for (;;) {
    const { body } = await freddy.ask(`GET /v1/admin/users?limit=1${after}`, { token: root.token })
    seen.push(...body.data.map(({ id }: { id: string }) => id))
    if (!body.has_more) break
    after = `&after=${seen.at(-1)}`
  }
  assert.equal(seen.length, 4)
  assert.equal(new Set(seen).size, 4)
})

scene(
  'attack 086: who is disabled is out at the next call, and stays out after',
  async (freddy) => {
    const root = await admin(freddy, 'root')
    const ada = await freddy.person('ada')
    const { token, refreshToken } = await freddy.signIn(ada)
    const challenge = (await freddy.login(ada)).body.email_key
    const code = Number(await freddy.codeFor(ada.email))
    const act = (what: string) =>
      freddy.ask(`POST /v1/admin/users/${ada.id}/${what}`, { token: root.token })

    assert.equal((await freddy.ask('GET /v1/auth/validate', { token })).status, 200)
    assert.equal((await act('disable')).body.is_active, false)
    assert.equal((await freddy.ask('GET /v1/auth/validate', { token })).status, 401)
    assert.equal((await freddy.login(ada)).status, 401)
    assert.equal((await act('enable')).body.is_active, true)
    const renewed = await freddy.ask('POST /v1/auth/refresh', {
      body: { refresh_token: refreshToken },
    })
    assert.equal(renewed.status, 401)
    assert.equal((await freddy.ask('GET /v1/auth/validate', { token })).status, 401)
    assert.equal((await freddy.verify(challenge, code)).status, 401)
    freddy.pass(61_000)
    await freddy.signIn(ada)

    const rows = await freddy.database.read<{ actor: string | null }>(
      "SELECT actor FROM audit_events WHERE event IN ('user.disabled', 'user.enabled')",
    )
    assert.deepEqual(
      rows.map(({ actor }) => actor),
      [root.id, root.id],
    )
  },
)

scene('attack 086: a demoted admin has lost the right at the next call', async (freddy) => {
  const root = await admin(freddy, 'root')
  const other = await admin(freddy, 'other')
  assert.equal((await freddy.ask('GET /v1/admin/users', { token: other.token })).status, 200)
  freddy.pass(1000)
  await appointUser(acting(freddy), other.id, 'user')
  assert.equal((await freddy.ask('GET /v1/admin/users', { token: other.token })).status, 401)
  freddy.pass(61_000)
  const { token } = await freddy.signIn(other)
  assert.equal((await freddy.ask('GET /v1/admin/users', { token })).status, 403)
  assert.equal((await freddy.ask('GET /v1/admin/users', { token: root.token })).status, 200)
})

scene('of admins who disable each other at once, one is left', async (freddy) => {
  const names = ['one', 'two', 'three', 'four', 'five', 'six']
  const people: Person[] = []
  for (const name of names) people.push(await freddy.person(name))
  for (const { id } of people) await appointUser(acting(freddy), id, 'admin')
  for (let round = 0; round < 10; round++) {
    freddy.pass(1000)
    const outcomes = await Promise.allSettled(
      people.map(({ id }) => disableUser(acting(freddy), id)),
    )
    const refused = outcomes.filter((outcome) => outcome.status === 'rejected')
    assert.equal(refused.length, 1, `round ${round}`)
    const [{ reason } = { reason: null }] = refused
    assert.ok(reason instanceof ApiError && reason.code === 'OPERATION_NOT_ALLOWED', String(reason))
    freddy.pass(1000)
    for (const { id } of people) await enableUser(acting(freddy), id)
  }
})

scene(
  'of admins who delete, demote and disable each other at once, one is left',
  async (freddy) => {
    const { store } = freddy.running.app
    const acts = [deleteUser, disableUser, (by: Acting, id: string) => appointUser(by, id, 'user')]
    for (let round = 0; round < 2; round++) {
      const people: Person[] = []
      for (const name of ['one', 'two', 'three'])
        people.push(await freddy.person(`${name}${round}`))
      for (const { id } of people) await appointUser(acting(freddy), id, 'admin')
      freddy.pass(1000)
      // Each is aimed at by another one, and by that one in another way.
      const aimed = people.flatMap(({ id }, place) =>
        acts.map((_, way) =>
          (acts[(place + way + round) % acts.length] ?? deleteUser)(acting(freddy), id),
        ),
      )
      const outcomes = await Promise.allSettled(aimed)
      for (const outcome of outcomes) {
        if (outcome.status === 'fulfilled') continue
        const { reason } = outcome
        const words = ['OPERATION_NOT_ALLOWED', 'RESOURCE_NOT_FOUND']
        assert.ok(reason instanceof ApiError && words.includes(reason.code), String(reason))
      }
      const left = await store.users.listAdmins()
      assert.equal(left.length, 1, `round ${round}`)
      // The next round has three of its own.
      await freddy.database.write("UPDATE users SET role = 'user' WHERE role = 'admin'")
      freddy.pass(1000)
    }
  },
)

scene('a paused key says so to who holds it, and opens nothing', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  const { body } = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'ci' } })
  await freddy.database.write('UPDATE api_keys SET paused_at = :now WHERE id = :id', {
    now: freddy.now(),
    id: body.id,
  })
  const answer = await freddy.ask('GET /v1/models', { headers: { 'api-key': body.key } })
  assert.equal(answer.status, 401)
  assert.equal(answer.body.error.code, 'API_KEY_PAUSED')
})

scene('the shell appoints, disables, deletes, and spares the last admin', async (freddy) => {
  await freddy.person('ada')
  const bob = await freddy.person('bob')
  const run = (...words: string[]) => {
    const { status, stdout, stderr } = shell(freddy, ...words)
    return { status, text: stdout + stderr }
  }
  assert.equal(run('users', 'role', 'ada', 'admin').status, 0)
  const spared = run('users', 'disable', 'ada')
  assert.equal(spared.status, 1)
  assert.match(spared.text, /last admin stays/)
  assert.equal(run('users', 'disable', 'bob@example.com').status, 0)
  assert.match(run('users', 'list').text, /^bob@example.com +bob +user +disabled$/m)
  assert.equal(run('users', 'delete', 'bob').status, 0)
  assert.equal(await freddy.running.app.store.users.find(bob.id), null)
  assert.match(run('audit', 'tail').text, /allowed +user.deleted +usr_\w+ +by shell/)
  assert.equal(run('audit', 'verify').status, 0)
})

scene('who lost the mailbox gets back in from the shell', async (freddy) => {
  const ada = await freddy.person('ada')
  const { token } = await freddy.signIn(ada)
  await freddy.person('bob')
  assert.equal(shell(freddy, 'recover', 'ada', '--email', 'bob@example.com').status, 1)
  const { stdout, status } = shell(freddy, 'recover', 'ada', '--email', 'new@example.com')
  assert.equal(status, 0)
  const [, password = ''] = /with the password (\S+)/.exec(stdout) ?? []
  freddy.pass(61_000)
  assert.equal((await freddy.ask('GET /v1/auth/validate', { token })).status, 401)
  assert.equal((await freddy.login(ada)).status, 401)
  const { body } = await freddy.login({ email: 'new@example.com', password })
  const code = Number(await freddy.codeFor('new@example.com'))
  assert.equal((await freddy.verify(body.email_key, code)).status, 200)
})

scene('a session that began by a recovery code has no power over other people', async (freddy) => {
  const root = await admin(freddy, 'root')
  const { token } = root
  const bea = await freddy.person('bea')
  const hers = await freddy.signIn(bea)
  await freddy.database.write("UPDATE sessions SET amr = 'pwd recovery' WHERE user_id = :id", {
    id: root.id,
  })
  freddy.pass(2000)
  const user = `/v1/admin/users/${bea.id}`
  const budget = { budget: { tokens_per_day: 1 } }
  for (const [line, body] of [
    [`POST ${user}/disable`],
    [`POST ${user}/enable`],
    [`DELETE ${user}/sessions`],
    [`PUT ${user}/budget`, budget],
    [`DELETE ${user}`],
  ] as const) {
    const refused = await freddy.ask(line, { token, ...(body ? { body } : {}) })
    assert.equal(refused.body.error?.details?.reason, 'recovery_session', line)
  }
  const { body } = await freddy.ask(`GET ${user}/budget`, { token })
  assert.equal(body.is_standard, true)
  assert.equal((await freddy.ask('GET /v1/auth/validate', { token: hers.token })).status, 200)
})
