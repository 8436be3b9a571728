import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createApp } from './app.ts'
import { readConfig } from './config.ts'

/** The description of the API, which needs no configuration: made from a server in a folder that goes at once. */
export async function describeApi(): Promise<unknown> {
  const dataDir = mkdtempSync(join(tmpdir(), 'freddy-'))
  const running = await createApp(readConfig({ DATA_DIR: dataDir, HASH_THREADS: '1' }))
  await running.http.ready()
  const description = running.http.swagger()
  await running.close()
  rmSync(dataDir, { recursive: true, force: true })
  return description
}
