import assert from 'node:assert/strict'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { test } from 'node:test'
import { DAY, HOUR, MINUTE, scene } from '../../../server/test/freddy.ts'
import { keyOwner } from '../../../server/test/key-owner.ts'
import { forExpress, RefusedError, Verifier } from '../src/verify/index.ts'
import { ISSUER, outcomeOf, panicAbout, resourceOf } from './resource.ts'

const SECOND = 1000
const eddsa = { env: { JWT_ALG: 'EdDSA' } }

scene(
  'a clock that is set back makes nothing young: what ended is heard, and what was answered is asked anew',
  async (freddy) => {
    let backMs = 0
    const { verifier, calls } = await resourceOf(freddy, { now: () => freddy.now() - backMs })
    const ada = await keyOwner(freddy)
    const { key, id } = (await ada.make()).body
    freddy.pass(2 * HOUR)
    const both = () => Promise.all([ada.token, key].map((each) => outcomeOf(verifier.verify(each))))
    assert.deepEqual(await both(), [ada.id, ada.id])
    backMs = HOUR
    assert.deepEqual(await both(), [ada.id, ada.id])
    assert.equal(calls.filter((call) => call === 'jwks.json').length, 2)
    await ada.revoke(id)
    await freddy.ask('POST /v1/auth/logout', { token: ada.token })
    backMs = 2 * HOUR
    assert.deepEqual(await both(), ['TOKEN_INVALID', 'INVALID_API_KEY'])
  },
  eddsa,
)

scene(
  'that a token is over says nothing of its session, which may have come back',
  async (freddy) => {
    // Our clock is a little behind that of the server.
    const { verifier } = await resourceOf(freddy, { now: () => freddy.now() - 10 * SECOND })
    const { token, refreshToken } = await freddy.signIn(await freddy.person('ada'))
    freddy.pass(DAY - 10 * MINUTE)
    const undo = await panicAbout(freddy, 'ada')
    assert.equal(await outcomeOf(verifier.verify(token)), 'TOKEN_INVALID')
    await undo()
    freddy.pass(10 * MINUTE + 35 * SECOND)
    assert.equal(await outcomeOf(verifier.verify(token)), 'TOKEN_INVALID')
    const body = { refresh_token: refreshToken }
    const next = (await freddy.ask('POST /v1/auth/refresh', { body })).body.token
    assert.match(await outcomeOf(verifier.verify(next)), /^usr_/)
  },
  eddsa,
)

test('a list of what ended that leads nowhere keeps nobody waiting, and is asked again from where it was', async () => {
  const asked: string[] = []
  let page: object = { data: [], has_more: true, next: '1_' }
  const verifier = new Verifier({
    baseUrl: 'http://127.0.0.1:9/v1',
    apiKey: 'x',
    issuer: ISSUER,
    intervalMs: 0,
    fetch: async (input) => {
      asked.push(new URL(String(input)).search)
      assert.ok(asked.length < 9, 'it does not end')
      return Response.json(page)
    },
  })
  await assert.rejects(verifier.listen(), TypeError)
  assert.deepEqual(asked, ['', '?after=1_'])
  page = { data: [] }
  await assert.rejects(verifier.listen(), TypeError)
  page = { data: [], has_more: false, next: '2_' }
  await verifier.listen()
  await verifier.listen()
  assert.deepEqual(asked.slice(2), ['?after=1_', '?after=1_', '?after=2_'])
})

test('who is told why, and fails at that, decides about nobody', async () => {
  const verifier = new Verifier({
    baseUrl: 'http://127.0.0.1:9/v1',
    apiKey: 'x',
    issuer: ISSUER,
    onProblem: () => {
      throw new Error('the log is full')
    },
  })
  const refused = await verifier.verify(`ak_${'0'.repeat(38)}`).catch((error) => error)
  assert.ok(refused instanceof RefusedError)
  assert.equal(refused.code, 'SERVICE_UNAVAILABLE')
})

test('a guard that comes late leaves the answer that its server has given', async (context) => {
  const verifier = new Verifier({ baseUrl: 'http://127.0.0.1:9/v1', apiKey: 'x', issuer: ISSUER })
  const enter = forExpress(verifier)
  let letIn = 0
  const server = createServer((request, response) => {
    enter(request, response, () => (letIn += 1))
    response.writeHead(408).end('too late')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  context.after(() => server.close().closeAllConnections())
  const { port } = server.address() as AddressInfo
  const answer = await fetch(`http://127.0.0.1:${port}/`)
  assert.deepEqual([answer.status, await answer.text()], [408, 'too late'])
  assert.equal(letIn, 0)
})
