import assert from 'node:assert/strict'
import { createRemoteJWKSet, jwtVerify } from 'jose'
import { makeApiKey } from '../src/auth/api-key.ts'
import { type Freddy, scene } from './freddy.ts'
import { keyOwner } from './key-owner.ts'

const origin = { address: 'shell', source: 'shell', network: null, agent: 'freddy-auth' }
const MOST_OF_ONE = 5

interface Event {
  readonly id: string
  readonly data: string
}

/** Somebody with a key that may follow, on a server that listens. */
async function follower(freddy: Freddy) {
  const { app, http } = freddy.running
  const { id } = await freddy.person('resource')
  const wish = { userId: id, name: 'k', scopes: ['tokens:introspect'], expiresAt: null }
  const made = await makeApiKey({ app, origin, now: freddy.now() }, wish)
  await http.listen({ port: 0, host: '127.0.0.1' })
  const { port } = http.server.address() as { port: number }
  const base = `http://127.0.0.1:${port}`
  const key = { 'api-key': made?.key ?? '' }
  const ask = (headers: Record<string, string>, method = 'GET') =>
    fetch(`${base}/v1/auth/revocations`, { method, headers: { ...key, ...headers } })
  const follow = async (headers: Record<string, string> = {}) => {
    const answer = await ask({ accept: 'text/event-stream', ...headers })
    return { status: answer.status, ...eventsOf(answer) }
  }
  return { base, keyId: made?.row.id ?? '', ask, follow }
}

function eventsOf(answer: Response) {
  const reader = answer.body?.pipeThrough(new TextDecoderStream()).getReader()
  let heard = ''
  const next = async (): Promise<Event | null> => {
    for (;;) {
      const [, id = '', data = '', rest] = /^id: (.*)\ndata: (.*)\n\n([\s\S]*)$/.exec(heard) ?? []
      if (rest !== undefined) {
        heard = rest
        return { id, data }
      }
      const { value, done } = (await reader?.read()) ?? { done: true, value: undefined }
      if (done) return null
      heard += value
    }
  }
  return { next, leave: () => reader?.cancel() }
}

const idsOf = (page: { data: { id: string }[] }) => page.data.map(({ id }) => id)

scene(
  'who follows hears what ends as it ends, signed by the key pair of this server',
  async (freddy) => {
    const { app } = freddy.running
    const ada = await keyOwner(freddy)
    const { base, ask, follow } = await follower(freddy)
    const keys = createRemoteJWKSet(new URL('/.well-known/jwks.json', base))
    const read = async (text = '') => {
      const rules = { issuer: 'https://auth.example.com', audience: 'freddy-revocations' }
      const { payload } = await jwtVerify(text, keys, {
        ...rules,
        typ: 'revocations+jwt',
        algorithms: ['EdDSA'],
        currentDate: new Date(freddy.now()),
      })
      return payload as unknown as { data: { id: string }[]; after: string | null; next: string }
    }
    const stream = await follow()
    assert.equal(stream.status, 200)
    const first = await read((await stream.next())?.data)
    assert.deepEqual([idsOf(first), first.after], [[], null])

    const { body } = await ada.make()
    await ada.revoke(body.id)
    await app.feed.look()
    const event = await stream.next()
    const page = await read(event?.data)
    assert.deepEqual(idsOf(page), [body.id])
    assert.deepEqual([page.after, page.next], [first.next, event?.id], 'nothing was left out')

    await freddy.ask('POST /v1/auth/logout', { token: ada.token })
    await app.feed.look()
    const later = await read((await stream.next())?.data)
    assert.equal(idsOf(later).length, 1, 'what was told is not told again')
    await stream.leave()

    const again = await follow({ 'last-event-id': event?.id ?? '' })
    assert.equal(idsOf(await read((await again.next())?.data)).length, 2)
    await again.leave()
    const snapshot = await ask({ accept: 'application/jwt' })
    assert.equal(snapshot.headers.get('content-type'), 'application/jwt')
    assert.equal(idsOf(await read(await snapshot.text())).length, 2)
  },
  { env: { JWT_ALG: 'EdDSA' } },
)

scene(
  'a follower has five streams, until its key ends, and none outlives the server',
  async (freddy) => {
    const { app } = freddy.running
    const { ask, follow, keyId } = await follower(freddy)
    const streams = []
    for (let count = 0; count < MOST_OF_ONE; count++) streams.push(await follow())
    assert.equal((await ask({ accept: 'text/event-stream' })).status, 429)
    assert.equal((await ask({})).status, 200, 'a page is told all the same')
    for (const { next } of streams) {
      assert.deepEqual(
        idsOf(JSON.parse((await next())?.data ?? '')),
        [],
        'unsigned while it is HS256',
      )
    }
    await streams.pop()?.leave()
    let next = await follow()
    for (let round = 0; next.status === 429 && round < 100; round++) next = await follow()
    assert.equal(next.status, 200, 'who leaves makes room')
    streams.push(next)
    await next.next()

    await freddy.database.write(
      `UPDATE api_keys SET revoked_at = ${freddy.now()} WHERE id = '${keyId}'`,
    )
    await app.feed.look()
    for (const stream of streams) {
      assert.deepEqual(idsOf(JSON.parse((await stream.next())?.data ?? '')), [keyId])
      assert.equal(await stream.next(), null, 'a key that ended hears that, and no more')
    }
  },
)

scene('a server that ends leaves nobody waiting', async (freddy) => {
  const { follow } = await follower(freddy)
  const stream = await follow()
  await stream.next()
  freddy.running.app.revocationStreams.stop()
  assert.equal(await stream.next(), null)
  assert.equal((await follow()).status, 429)
})

scene('who asks for the head alone takes no place', async (freddy) => {
  const { ask, follow } = await follower(freddy)
  for (let time = 0; time < MOST_OF_ONE; time++) {
    const { status } = await ask({ accept: 'text/event-stream' }, 'HEAD')
    assert.equal(status, 200)
  }
  const { status, leave } = await follow()
  assert.equal(status, 200)
  await leave()
})
