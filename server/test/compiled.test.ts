import assert from 'node:assert/strict'
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { startProcess } from './server-process.ts'

const home = mkdtempSync(join(tmpdir(), 'freddy-'))
after(() => rmSync(home, { recursive: true, force: true }))

async function startAndStop(folder: string, env: Record<string, string> = {}): Promise<void> {
  const server = await startProcess({ DATA_DIR: folder, NODE_COMPILE_CACHE: '', ...env })
  assert.equal((await fetch(`${server.base}/livez`)).status, 200)
  assert.equal(await server.stop(), 0)
}

const sizeOf = (folder: string) => readdirSync(folder, { recursive: true }).length

test('what was compiled is kept beside the secret, and used again', async () => {
  const folder = join(home, 'own')
  await startAndStop(folder)
  const kept = join(folder, 'compiled')
  assert.equal(statSync(folder).mode & 0o077, 0)
  const size = sizeOf(kept)
  assert.ok(size > 100, `${size} files`)
  await startAndStop(folder)
  assert.equal(sizeOf(kept), size)
})

test('nothing that runs is read from where others may write', async () => {
  for (const mode of [0o720, 0o702, 0o777]) {
    const folder = mkdtempSync(join(home, 'open-'))
    chmodSync(folder, mode)
    await startAndStop(folder)
    assert.equal(existsSync(join(folder, 'compiled')), false, mode.toString(8))
  }
})

test('an operator who names another place, or none, is followed', async () => {
  const folder = join(home, 'named')
  const elsewhere = join(home, 'elsewhere')
  await startAndStop(folder, { NODE_COMPILE_CACHE: elsewhere })
  await startAndStop(folder, { NODE_DISABLE_COMPILE_CACHE: '1' })
  assert.equal(existsSync(join(folder, 'compiled')), false)
  assert.ok(sizeOf(elsewhere) > 100)
})
