import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { hashOfNothing } from '../src/workers/hash-cost.ts'
import { createHasher, HasherBusy } from '../src/workers/hasher.ts'

test('a hash is argon2id at its full cost, and proves its password alone', async () => {
  const hasher = createHasher({ threads: 1 })
  const stored = await hasher.hash('a password')
  assert.match(stored, /^\$argon2id\$v=19\$m=19456,t=2,p=1\$/)
  assert.notEqual(await hasher.hash('a password'), stored)
  assert.equal(await hasher.verify(stored, 'a password'), true)
  assert.equal(await hasher.verify(stored, 'another'), false)
  await hasher.close()
})

test('the hash of nobody is read as any other, costs the same, and is proven by nothing', async () => {
  const hasher = createHasher({ threads: 1 })
  const [own, nobodys] = [await hasher.hash(''), hashOfNothing()]
  const shape = (text: string) => text.split('$').map((part) => part.length)
  assert.deepEqual(shape(nobodys), shape(own))
  assert.deepEqual(nobodys.split('$').slice(0, 4), own.split('$').slice(0, 4))
  assert.notEqual(hashOfNothing(), nobodys)
  assert.equal(await hasher.verify(nobodys, ''), false)
  await hasher.close()
})

test('attack 072: a stored hash that asks for too much, or is none, is refused and not run', async () => {
  const hasher = createHasher({ threads: 1 })
  const odd = [
    '$argon2id$v=19$m=4194304,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g',
    '$argon2id$v=19$m=19456,t=999,p=1$c29tZXNhbHRzb21lc2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g',
    '$argon2i$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$aGFzaGhhc2hoYXNoaGFzaGhhc2hoYXNoaGFzaGhhc2g',
    '',
    'a password',
    '$2b$12$abcdefghijklmnopqrstuv',
  ]
  for (const stored of odd) assert.equal(await hasher.verify(stored, 'a password'), false, stored)
  await hasher.close()
})

test('past the queue, and past the wait, a hash is refused at once; the others are done', async () => {
  const hasher = createHasher({ threads: 1, queue: 4, maxWaitMs: 60_000 })
  const answers = await Promise.allSettled(Array.from({ length: 20 }, () => hasher.hash('x')))
  const refused = answers.filter((answer) => answer.status === 'rejected')
  assert.equal(answers.length - refused.length, 5)
  for (const { reason } of refused) assert.ok(reason instanceof HasherBusy)
  await hasher.close()
  const hurried = createHasher({ threads: 1, queue: 32, maxWaitMs: 0 })
  const late = await Promise.allSettled(Array.from({ length: 30 }, () => hurried.hash('x')))
  assert.ok(
    late.some((answer) => answer.status === 'rejected' && answer.reason instanceof HasherBusy),
  )
  await hurried.close()
})

/** Bounds the memory of its own process once a thread is warm, then hashes and proves. */
const starved = `
const { execFileSync } = require('node:child_process')
const { readFileSync } = require('node:fs')
import('${new URL('../src/workers/hasher.ts', import.meta.url)}').then(async ({ createHasher }) => {
  const hasher = createHasher({ threads: 1 })
  const stored = await hasher.hash('x')
  const [, kib] = /VmSize:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))
  const bound = (Number(kib) + 1024) * 1024
  execFileSync('prlimit', ['--as=' + bound + ':', '--pid', String(process.pid)])
  const scrypt = '$scrypt$ln=16,r=8,p=1$c29tZXNhbHQ$' + 'A'.repeat(43)
  const works = [() => hasher.hash('x'), () => hasher.verify(stored, 'x'), () => hasher.verifyForeign(scrypt, 'x')]
  for (const work of works) console.log(await work().catch(({ name }) => name))
  process.exit()
})
`

test('F32: without memory a hash is refused as one that found no thread, and no password is called wrong', {
  skip: process.platform !== 'linux',
}, () => {
  const said = execFileSync(process.execPath, ['--eval', starved], {
    encoding: 'utf8',
    timeout: 60_000,
  })
  assert.deepEqual(said.trim().split('\n'), ['HasherBusy', 'HasherBusy', 'HasherBusy'])
})
