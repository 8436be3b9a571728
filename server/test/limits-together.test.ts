import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { createClient } from '@redis/client'
import { type Redis, startRedis } from '../../scripts/testing/redis.ts'
import { createLimiter, type Limiter, type Room } from '../src/limiter/limiter.ts'
import { openSharedLimiter } from '../src/limiter/valkey.ts'
import { limits } from '../src/limits.ts'
import { luckOf } from './faults/luck.ts'
import { DAY } from './freddy.ts'
import { call, type ServerProcess, startProcess } from './server-process.ts'

const bucket = (calls: number, perMs: number, burst = calls) => ({ calls, perMs, burst })
/** So slow that what passes during a test gives no call back. */
const table = {
  ...limits,
  requests: [bucket(10, DAY, 12), bucket(100, 30 * DAY)],
  'verify-source': [bucket(10, DAY)],
}

const hash = (text: string) => createHash('sha256').update(text).digest('base64url')

interface Nodes {
  readonly redis: Redis
  readonly one: Limiter
  readonly two: Limiter
  readonly logged: string[]
}

/** Two limiters of one deployment. What may be late is not, unless a test is about it. */
async function open(t: TestContext, timeoutMs = 5000): Promise<Nodes> {
  const redis = await startRedis()
  t.after(() => redis.kill())
  const logged: string[] = []
  const log = { warn: ({ event }: { event: string }) => void logged.push(event) }
  const parts = { url: redis.url, timeoutMs, table, nameOf: hash, log }
  const one = await openSharedLimiter(parts)
  t.after(() => one.close())
  const two = await openSharedLimiter(parts)
  t.after(() => two.close())
  await becomes([one, two], 'shared')
  return { redis, one, two, logged }
}

/** A look into the cache itself. */
async function look(t: TestContext, { url }: Redis) {
  const client = createClient({ url })
  client.on('error', () => {})
  await client.connect()
  t.after(() => client.destroy())
  return client
}

async function becomes(nodes: readonly Limiter[], standing: string): Promise<void> {
  while (nodes.some((node) => node.standing() !== standing)) await wait(10)
}

/** How many of so many calls one after the other pass. */
async function passing(limiters: readonly Limiter[], count: number, of: string): Promise<number> {
  let passed = 0
  for (let turn = 0; turn < count; turn++) {
    const ruling = await limiters[turn % limiters.length]?.take('verify-source', of, Date.now())
    if (ruling?.allowed) passed += 1
  }
  return passed
}

test('nodes that count together rule as one that counts in memory', async (t) => {
  const { one, two } = await open(t)
  const memory = createLimiter(table)
  const luck = luckOf('limits')
  const rooms: [Room, ...Room[]] = [
    {},
    { times: 3 },
    { own: [bucket(5, DAY), bucket(20, 7 * DAY)] },
  ]
  for (let turn = 0; turn < 150; turn++) {
    const how = luck.pick<'take' | 'look'>(['take', 'take', 'look'])
    const name = luck.pick<'requests' | 'verify-source'>(['requests', 'verify-source'])
    const room = luck.pick(rooms)
    const of = `${luck.below(3)} ${rooms.indexOf(room)}`
    const expected = await memory[how](name, of, Date.now(), room)
    const ruling = await luck.pick([one, two])[how](name, of, Date.now(), room)
    for (const field of ['allowed', 'remaining', 'bucket'] as const)
      assert.deepEqual(ruling[field], expected[field], `${turn}: ${field} of ${how} ${name}`)
    for (const field of ['waitMs', 'resetMs'] as const)
      assert.ok(Math.abs(ruling[field] - expected[field]) < 60_000, `${turn}: ${field}`)
  }
})

test('a bucket holds as many calls as it says, whatever fraction of a millisecond each takes', async (t) => {
  const { one } = await open(t)
  const now = Date.now()
  for (const calls of [6, 7, 49, 130]) {
    const room = { own: [bucket(calls, DAY)] }
    for (const limiter of [one, createLimiter(table)]) {
      const take = () => limiter.take('verify-source', `caller of ${calls}`, now, room)
      for (let left = calls - 1; left >= 0; left--) {
        const { allowed, remaining } = await take()
        assert.deepEqual([allowed, remaining], [true, left], `${left} of ${calls} are left`)
      }
      assert.equal((await take()).allowed, false)
    }
  }
})

test('what is kept names nobody, and goes when it is of no use', async (t) => {
  const { redis, one } = await open(t)
  await one.take('verify-source', '192.0.2.1', Date.now())
  const client = await look(t, redis)
  const names = await client.keys('*')
  assert.deepEqual(names.map((name) => name.split(':', 2).join(':')).sort(), [
    'freddy:limit',
    'freddy:nodes',
  ])
  for (const name of names) {
    assert.equal(name.includes('192.0.2'), false)
    const life = await client.pTTL(name)
    assert.ok(life > 0 && life <= DAY / 10, `${name} lives ${life}`)
  }
})

test('F19: a cache that was emptied begins anew, scripts included', async (t) => {
  const { redis, one, two, logged } = await open(t)
  assert.equal(await passing([one, two], 20, 'a'), 10)
  const client = await look(t, redis)
  await client.sendCommand(['FLUSHALL'])
  await client.sendCommand(['SCRIPT', 'FLUSH'])
  assert.equal(await passing([one, two], 20, 'a'), 10)
  assert.equal(logged.includes('limits.alone'), false)
})

test('F19: nodes that lost the cache count alone at once, strangers at their part, and together when it is back', async (t) => {
  const { redis, one, two } = await open(t)
  assert.equal(await passing([one, two], 20, 'a'), 10)
  await redis.kill()
  // The second one knows that there are two.
  assert.equal(await passing([two], 20, 'b'), 5)
  assert.equal(two.standing(), 'alone')
  let own = 0
  for (let turn = 0; turn < 40; turn++)
    if ((await two.take('requests', 'ada', Date.now())).allowed) own += 1
  assert.equal(own, 24, 'who has proven who they are is not turned away for it')
  await redis.start()
  await becomes([one, two], 'shared')
  assert.equal(await passing([one, two], 20, 'b'), 10)
})

test('F19: a cache that hangs holds up nobody for longer than its time, and is believed again by itself', async (t) => {
  const { redis, one, two } = await open(t, 200)
  t.after(() => redis.resume())
  const before = await passing([one, two], 20, 'a')
  redis.pause()
  assert.ok((await passing([one, two], 40, 'b')) >= 10, 'everybody is answered')
  await becomes([one, two], 'alone')
  redis.resume()
  await becomes([one, two], 'shared')
  if (before === 10) assert.equal(await passing([one], 5, 'a'), 0, 'what was counted stands')
})

test('F19: two servers share one limit, say so, and go on without the cache', async (t) => {
  const redis = await startRedis()
  t.after(() => redis.kill())
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  const servers: ServerProcess[] = []
  t.after(async () => {
    for (const server of servers) await server.kill()
    rmSync(folder, { recursive: true, force: true })
  })
  const env = {
    DATA_DIR: folder,
    REDIS_URL: redis.url,
    REDIS_TIMEOUT_MS: '5000',
    LIMITS: 'jwks-source=20/36000',
  }
  for (let node = 0; node < 2; node++) servers.push(await startProcess(env))
  const statuses = async (count: number) => {
    const heard: (number | undefined)[] = []
    for (let turn = 0; turn < count; turn++) {
      const base = servers[turn % 2]?.base ?? ''
      heard.push((await call(base, '/.well-known/jwks.json'))?.status)
    }
    return heard
  }
  const health = async () => (await call(servers[0]?.base ?? '', '/readyz'))?.body.checks.limits
  assert.match(servers[0]?.said ?? '', /Limits {3}counted with all servers at 127\.0\.0\.1/)
  while ((await health()) !== 'ok') await wait(20)
  const heard = await statuses(40)
  assert.equal(heard.filter((status) => status === 429).length, 20)
  await redis.kill()
  const alone = await statuses(10)
  assert.equal(alone.includes(429), false, 'each has some of its own')
  assert.equal(await health(), 'degraded')
  await redis.start()
  while ((await health()) !== 'ok') await wait(20)
})
