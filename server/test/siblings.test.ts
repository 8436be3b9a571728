import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createLimiter } from '../src/limiter/limiter.ts'
import { limits } from '../src/limits.ts'
import type { Siblings } from '../src/processes/siblings.ts'
import { createSwitchboard } from '../src/processes/switchboard.ts'
import { databases } from './databases.ts'
import { startFreddy } from './freddy.ts'

type Hear = Parameters<Siblings['hear']>[1]

/** Two processes of one server, without the processes: nothing comes by itself, so what is heard was told. */
function pairUp() {
  const limiter = createLimiter(limits)
  const under: Promise<unknown>[] = []
  const heard = [new Map<string, Hear>(), new Map<string, Hear>()]
  const make = (index: number): Siblings => ({
    isFirst: index === 0,
    inboxWord: '',
    hear: (topic, work) => void heard[index]?.set(topic, work),
    async ready() {},
    async ask(topic, words) {
      if (topic === 'limits') {
        const [how, ...asked] = words as ['take', ...Parameters<typeof limiter.take>]
        return limiter[how](...asked)
      }
      const answer = Promise.resolve(heard[1 - index]?.get(topic)?.(words))
      under.push(answer)
      return [await answer]
    },
  })
  return { one: make(0), two: make(1), told: () => Promise.all(under.splice(0)) }
}

for (const { name: engine, open } of databases) {
  test(`what ends in one process is refused by the others as soon as they are told (${engine})`, async (t) => {
    const place = await open()
    const { one, two, told } = pairUp()
    const here = await startFreddy(place.url, engine, { siblings: one })
    const there = await startFreddy(place.url, engine, { siblings: two })
    t.after(async () => {
      for (const { running, mail } of [here, there]) {
        await running.close()
        await mail.close()
      }
      await place.drop()
    })
    const { token } = await here.signIn(await here.person('ada'))
    const bearer = { token }
    const named = { ...bearer, body: { name: 'one' } }
    const { body } = await here.ask('POST /v1/api-keys', named)
    const key = { headers: { 'api-key': body.key } }
    assert.equal((await there.ask('GET /v1/auth/validate', bearer)).status, 200)
    assert.equal((await there.ask('GET /v1/models', key)).status, 200)
    await told()

    await here.ask(`DELETE /v1/api-keys/${body.id}`, bearer)
    await told()
    assert.equal((await there.ask('GET /v1/models', key)).status, 401)
    await here.ask('POST /v1/auth/logout', { ...bearer, body: {} })
    await told()
    assert.equal((await there.ask('GET /v1/auth/validate', bearer)).status, 401)
  })
}

test('sockets of a source are counted over all processes, and those of one that ended are given back', () => {
  const board = createSwitchboard(limits)
  const line = { ask: async () => null, take() {}, end() {} }
  const [one, two] = [0, 1].map(() => ({ line, sockets: new Map(), told: null }))
  assert.ok(one && two)
  board.join(one)
  board.join(two)
  const open = (member: typeof one, more: number) =>
    board.answer(member, 'sockets', ['192.0.2.1', more])
  assert.deepEqual([open(one, 1), open(two, 1), open(one, 1)], [1, 2, 3])
  assert.equal(open(two, -1), 2)
  board.leave(one)
  assert.equal(open(two, 1), 1)
})
