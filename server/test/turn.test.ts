import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { createHttp } from '../src/http/server.ts'
import { createTurn } from '../src/http/turn.ts'
import { scene } from './freddy.ts'

test('answers of one turn are written at its end, in their order, each once', async () => {
  const atEndOfTurn = createTurn()
  const written: number[] = []
  for (const answer of [1, 2, 3]) atEndOfTurn(() => written.push(answer))
  assert.equal(written.length, 0)
  await nextTurn()
  assert.deepEqual(written, [1, 2, 3])
  atEndOfTurn(() => written.push(4))
  await nextTurn()
  await nextTurn()
  assert.deepEqual(written, [1, 2, 3, 4])
})

test('a turn that is long holds back no answer', () => {
  const atEndOfTurn = createTurn()
  const written: number[] = []
  atEndOfTurn(() => written.push(1))
  const until = performance.now() + 5
  while (performance.now() < until);
  atEndOfTurn(() => written.push(2))
  assert.deepEqual(written, [1, 2])
})

scene('an answer that cannot be written is a 500, and no other waits for it', async (freddy) => {
  const http = await createHttp(freddy.running.app, (server) => {
    server.get('/broken', async (_request, reply) => reply.header('x-broken', 'a\nb').send('no'))
    server.get('/fine', async () => ({ fine: true }))
  })
  try {
    const paths = ['/fine', '/broken', '/broken', '/fine']
    const answers = await Promise.all(
      paths.map((url) => http.inject({ url, headers: { host: 'localhost' } })),
    )
    assert.deepEqual(
      answers.map(({ statusCode }) => statusCode),
      [200, 500, 500, 200],
    )
  } finally {
    await http.close()
  }
})
