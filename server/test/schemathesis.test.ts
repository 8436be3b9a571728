import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { limits } from '../src/limits.ts'
import { startProcess } from './server-process.ts'

/** What every answer is held against: the description, and what a description cannot say. */
const checks = [
  'not_a_server_error',
  'status_code_conformance',
  'content_type_conformance',
  'response_schema_conformance',
  'negative_data_rejection',
]

/** Somebody else's reading of our description; ours, with sessions in it, is fuzz.test.ts. */
test('a stranger who asks whatever the description allows, and what it does not, is answered as it says', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'freddy-'))
  const unlimited = Object.keys(limits).map((name) => `${name}=off`)
  const server = await startProcess({ DATA_DIR: folder, LIMITS: unlimited.join(',') })
  try {
    const told = await schemathesis(server.base, folder)
    assert.match(told.output, /Test cases:\s+\d{4,} generated/)
    assert.equal(told.exitCode, 0, told.output.slice(-6000))
  } finally {
    await server.kill()
    rmSync(folder, { recursive: true, force: true })
  }
})

/** A body with a text that is too long may be too large as well: 413 refuses it, as every 4xx does. */
const refusals = '[checks]\nnegative_data_rejection.expected-statuses = ["4xx", "5xx"]\n'

function schemathesis(base: string, folder: string) {
  writeFileSync(join(folder, 'schemathesis.toml'), refusals)
  const args = [
    ...['-m', 'schemathesis.cli', 'run', `${base}/openapi.json`],
    ...['--phases', 'examples,coverage,fuzzing', '--checks', checks.join(',')],
    ...['--max-examples', '10', '--workers', '1', '--seed', '1', '--generation-database', 'none'],
  ]
  const env = { PATH: process.env.PATH, PYTHONPATH: process.env.TEST_PYTHONPATH, HOME: folder }
  return new Promise<{ exitCode: number; output: string }>((resolve) => {
    const options = { cwd: folder, env, timeout: 240_000, maxBuffer: 64 * 1024 * 1024 }
    const child = execFile('python3', args, options, (_failure, stdout, stderr) =>
      resolve({ exitCode: child.exitCode ?? 1, output: stdout + stderr }),
    )
  })
}
