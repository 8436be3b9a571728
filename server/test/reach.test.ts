import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { databases } from './databases.ts'
import { ask } from './faults/history.ts'
import { closeStage, openStage, type Stage } from './faults/stage.ts'
import { PASSWORD } from './freddy.ts'
import { startProcess } from './server-process.ts'

const PEOPLE = 8
const LISTENERS = 4
const MOST_TRIES = 200
/** What another server may be late. */
const PROMISE_MS = 1000

/** Somebody with everything that can be ended. */
interface Person {
  readonly id: string
  readonly bearer: Headers_
  readonly key: Key
  readonly parent: Key
  readonly child: Key
  readonly other: Key
}

type Headers_ = Record<string, string>
type Key = { readonly id: string; readonly headers: Headers_ }

for (const { name, open } of databases) {
  test(`what ends on one server opens nothing on another a second later, under load (${name})`, async (t) => {
    const stage = await openStage(name, open)
    t.after(() => closeStage(stage))
    const servers = await Promise.all([startProcess(stage.env), startProcess(stage.env)])
    stage.servers.push(...servers)
    const here = servers[0].base
    const admin = await enter(stage, 'admin')
    await stage.place.database.write("UPDATE users SET role = 'admin'")
    const people = await Promise.all(
      Array.from({ length: PEOPLE }, (_, index) => settle(stage, `p${index}`)),
    )
    const over = new AbortController()
    const listeners = Array.from({ length: LISTENERS }, (_, index) =>
      listen(servers[index % 2]?.base ?? '', admin.bearer, over.signal),
    )
    t.after(() => over.abort())

    const reach = reachOf(servers[1].base)
    const end = (line: string, headers: Headers_) => () => ask(here, { line, headers, body: {} })
    for (const { bearer, key, parent, child } of people) {
      reach('a key', key.headers, end(`DELETE /v1/api-keys/${key.id}`, bearer))
      reach('a tree', child.headers, end(`DELETE /v1/api-keys/${parent.id}`, bearer))
    }
    await reach.all()
    for (const { bearer } of people) reach('a session', bearer, end('POST /v1/auth/logout', bearer))
    await reach.all()
    for (const { id, other } of people)
      reach('a person', other.headers, end(`POST /v1/admin/users/${id}/disable`, admin.bearer))
    await reach.all()
    over.abort()
    await Promise.all(listeners)
    reach.tell(t)
  })
}

/** Ends things here, and measures until when they open something there. */
function reachOf(there: string) {
  const delays = new Map<string, number[]>()
  const under: Promise<void>[] = []
  const look = async (headers: Headers_) => {
    const line = headers.authorization ? 'GET /v1/auth/validate' : 'GET /v1/models'
    return (await ask(there, { line, headers }))?.status
  }
  const one = async (kind: string, headers: Headers_, end: () => ReturnType<typeof ask>) => {
    assert.equal(await look(headers), 200, `${kind} is known there`)
    assert.equal((await end())?.status, 200, `${kind} ends here`)
    const ended = performance.now()
    for (;;) {
      const asked = performance.now()
      const status = await look(headers)
      if (status === 401) break
      assert.equal(status, 200)
      assert.ok(asked - ended < PROMISE_MS, `${kind} works ${asked - ended} ms after its end`)
      await wait(5)
    }
    delays.set(kind, [...(delays.get(kind) ?? []), performance.now() - ended])
  }
  const reach = (...about: Parameters<typeof one>) => void under.push(one(...about))
  return Object.assign(reach, {
    all: () => Promise.all(under.splice(0)),
    tell(t: TestContext) {
      for (const [kind, all] of delays) {
        const sorted = all.toSorted((one, other) => one - other)
        const at = (share: number) => Math.round(sorted[Math.ceil(sorted.length * share) - 1] ?? 0)
        t.diagnostic(`${kind}: refused after ${at(0.5)} ms (median), ${at(0.99)} ms (99th of 100)`)
      }
    },
  })
}

async function listen(base: string, headers: Headers_, over: AbortSignal): Promise<void> {
  while (!over.aborted) await ask(base, { line: 'GET /v1/auth/validate', headers })
}

async function settle(stage: Stage, name: string): Promise<Person> {
  const { id, bearer } = await enter(stage, name)
  const base = stage.servers[0]?.base ?? ''
  const make = async (path: string, headers: Headers_, body: object): Promise<Key> => {
    const answer = await ask(base, { line: `POST ${path}`, headers, body })
    assert.equal(answer?.status, 201, JSON.stringify(answer))
    return { id: answer.body.id, headers: { 'api-key': answer.body.key } }
  }
  const key = await make('/v1/api-keys', bearer, { name: 'one' })
  const scopes = ['models', 'keys:derive']
  const parent = await make('/v1/api-keys', bearer, { name: 'parent', scopes })
  const child = await make('/v1/api-keys/children', parent.headers, {
    name: 'child',
    scopes: ['models'],
  })
  const other = await make('/v1/api-keys', bearer, { name: 'other' })
  return { id, bearer, key, parent, child, other }
}

async function enter({ servers, sink }: Stage, name: string) {
  const base = servers[0]?.base ?? ''
  // At a domain of its own: letters to strangers at one of them wait for each other.
  const email = `${name}@${name}.example.com`
  const post = async (path: string, body: object) => {
    // A busy machine may have no thread that hashes in time.
    for (let round = 1; ; round++) {
      const answer = await ask(base, { line: `POST ${path}`, body })
      if (answer?.status !== 503 || round === MOST_TRIES) return answer
      await wait(100)
    }
  }
  const begun = await post('/v1/auth/register', { email, password: PASSWORD })
  assert.equal(begun?.status, 201, JSON.stringify(begun))
  while (!sink.codeFor(email)) await wait(5)
  const proof = { email_key: begun?.body.email_key, verification_code: sink.codeFor(email) }
  const verified = await post('/v1/auth/verify', proof)
  assert.equal(verified?.status, 200)
  const bearer: Headers_ = { authorization: `Bearer ${verified.body.token}` }
  return { id: String(verified.body.user.id), bearer }
}
