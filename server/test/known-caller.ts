import assert from 'node:assert/strict'
import type { TestContext } from 'node:test'
import type { Place } from './databases.ts'
import { type Answer, type Freddy, type Person, startFreddy } from './freddy.ts'

export interface Scene {
  readonly freddy: Omit<Freddy, 'database'>
  readonly place: Place
  readonly ada: Person
  readonly token: string
  readonly refresh: string
  /** A key that this server has read. */
  readonly key: string
}

/** Ada, signed in and with a key that is known, on a server that finds its database where it is told. */
export async function openScene(
  t: TestContext,
  place: Place,
  url = place.url,
  env: Record<string, string> = {},
): Promise<Scene> {
  const { engine } = place.database
  const freddy = await startFreddy(url, engine, { env })
  t.after(async () => {
    await freddy.running.close()
    await freddy.mail.close()
    await place.drop()
  })
  const ada = await freddy.person('ada')
  const { token, refreshToken } = await freddy.signIn(ada)
  const made = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'k' } })
  const { key } = made.body
  assert.equal((await look({ freddy, key })).status, 200)
  return { freddy, place, ada, token, refresh: refreshToken, key }
}

export const look = ({ freddy, key }: Pick<Scene, 'freddy' | 'key'>) =>
  freddy.ask('GET /v1/models', { headers: { 'api-key': key } })

/** Told that nobody can answer now, and when to ask again. */
export function isAway({ status, text, headers }: Answer): void {
  assert.equal(status, 503, text)
  assert.match(String(headers['retry-after']), /^\d+$/)
}
