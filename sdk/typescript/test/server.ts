import assert from 'node:assert/strict'
import type { AddressInfo } from 'node:net'
import type { Freddy, Person } from '../../../server/test/freddy.ts'
import { FreddyAuth, type FreddyOptions } from '../src/index.ts'

/** The address of this scene's server, over real sockets. */
export async function baseUrlOf({ running }: Freddy): Promise<string> {
  const { http } = running
  if (!http.server.listening) await http.listen({ port: 0, host: '127.0.0.1' })
  return `http://127.0.0.1:${(http.server.address() as AddressInfo).port}/v1`
}

/** A client of this scene's server that has nowhere to wait. */
export async function clientOf(
  freddy: Freddy,
  options: Partial<FreddyOptions> = {},
): Promise<FreddyAuth> {
  const wait = async (ms: number) => assert.fail(`it wants to wait for ${ms} ms`)
  return new FreddyAuth({ baseUrl: await baseUrlOf(freddy), wait, ...options })
}

/** A client that has signed in as this person. */
export async function signedIn(
  freddy: Freddy,
  who: Person,
  options: Partial<FreddyOptions> = {},
): Promise<FreddyAuth> {
  const auth = await clientOf(freddy, options)
  const emailKey = await auth.login(who.email, who.password)
  await auth.verify(emailKey, Number(await freddy.codeFor(who.email)))
  return auth
}

/** How often the trail says that this happened. */
export async function timesOf(freddy: Freddy, event: string): Promise<number> {
  const rows = await freddy.database.read(`SELECT event FROM audit_events WHERE event = '${event}'`)
  return rows.length
}

/** Waits for the mail: the program asks for it in its own time. */
export async function mailedCode(freddy: Freddy, email: string): Promise<string> {
  while ((await timesOf(freddy, 'login.password')) === 0) await freddy.running.outbox.drain()
  return freddy.codeFor(email)
}
