import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect } from 'node:net'
import { test } from 'node:test'
import Fastify from 'fastify'
import type { Carried } from '../src/context.ts'
import { carriedOf } from '../src/http/streaming.ts'
import { routes } from '../src/routes.ts'

const gateway = routes.find((route) => route.gateway === true)

/** Asks once and leaves; what a use case is given that looks before its caller leaves, or only afterwards. */
async function askAndLeave(looks: 'before' | 'after'): Promise<Carried> {
  const seen = Promise.withResolvers<Carried>()
  const http = Fastify()
  http.get('/', async (request, reply) => {
    assert.ok(gateway)
    request.bytes = null
    const carried = carriedOf(gateway, request, reply)
    if (looks === 'before') assert.equal(carried.left().aborted, false)
    const closed = once(reply.raw, 'close')
    caller.destroy()
    await closed
    seen.resolve(carried)
    return {}
  })
  await http.listen({ port: 0, host: '127.0.0.1' })
  const caller = connect((http.server.address() as AddressInfo).port, '127.0.0.1')
  caller.write('GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
  try {
    return await seen.promise
  } finally {
    await http.close()
  }
}

test('who leaves is noticed by a use case that looked before', async () => {
  assert.equal((await askAndLeave('before')).left().aborted, true)
})

test('what requests carry is of one shape: each of its own would be kept with its whole request', async () => {
  for (const { get, set } of Object.values(
    Object.getOwnPropertyDescriptors(await askAndLeave('after')),
  )) {
    assert.deepEqual([get, set], [undefined, undefined])
  }
})

test('who left already is noticed by a use case that looks afterwards', async () => {
  assert.equal((await askAndLeave('after')).left().aborted, true)
})
