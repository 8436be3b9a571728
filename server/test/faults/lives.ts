import { setTimeout as wait } from 'node:timers/promises'
import { PASSWORD, wrongCode } from '../freddy.ts'
import type { SmtpSink } from '../smtp-sink.ts'
import type { Act, Asked, History } from './history.ts'
import type { Luck } from './luck.ts'

/** A client's way into the world: a server, a mailbox, and who writes down what it does. */
export interface Client {
  readonly name: string
  readonly base: string
  readonly sink: SmtpSink
  readonly history: History
  readonly luck: Luck
  /** Aborted when its server is gone. */
  readonly over: AbortSignal
}

interface Session {
  readonly id: string
  token: string
  refreshToken: string
}

interface Person {
  readonly email: string
  password: string
  session: Session
}

/** Somebody's answer did not come: this life is over, and the judge finds out what became of it. */
class Unanswered extends Error {}

/** Registers one person after the other and lives their lives, until the server is gone. */
export async function live(client: Client): Promise<void> {
  for (let count = 0; !client.over.aborted; count++) {
    try {
      const person = await enter(client, mailboxOf(`${client.name}n${count}`))
      const acts = client.luck.below(4)
      for (let act = 0; act < acts; act++) await actOnce(client, person)
      if (client.luck.oneIn(2)) await signOut(client, person)
    } catch (cause) {
      if (!(cause instanceof Unanswered)) throw cause
      // A server that is there and has no database says so at once.
      await wait(10)
    }
  }
}

/** One whole life, in which everything happens once. */
export async function liveOnce(client: Omit<Client, 'luck'>): Promise<void> {
  const luck: Luck = { below: () => 0, oneIn: () => true, pick: ([first]) => first }
  const whole = { ...client, luck }
  try {
    const person = await enter(whole, mailboxOf(client.name))
    for (const act of [refresh, rotate, useKey, changePassword, signOut]) await act(whole, person)
  } catch (cause) {
    if (!(cause instanceof Unanswered)) throw cause
  }
}

/** At a domain of its own: letters to strangers at one of them wait for each other. */
const mailboxOf = (name: string) => `${name}@${name}.example.com`

async function enter(client: Client, email: string): Promise<Person> {
  const { luck } = client
  const body = { email, password: PASSWORD }
  const begun = await send(client, 'register', email, email, {
    line: 'POST /v1/auth/register',
    body,
  })
  const code = await codeOf(client, email, 1)
  const key = String(begun.email_key)
  if (luck.oneIn(2)) await guess(client, email, key, wrongCode(code))
  const session = await verify(client, email, key, code, luck.oneIn(3) ? 2 : 1)
  return { email, password: PASSWORD, session }
}

/** The right code, as often at once as somebody is impatient. */
async function verify(
  client: Client,
  email: string,
  key: string,
  code: string,
  times: number,
): Promise<Session> {
  const body = { email_key: key, verification_code: code }
  const asked = { line: 'POST /v1/auth/verify', body }
  const about = { person: email, of: key }
  const answers = await Promise.all(
    Array.from({ length: times }, () => client.history.send(client.base, 'verify', about, asked)),
  )
  const right = answers.find((answer) => answer?.status === 200)
  if (!right) throw new Unanswered()
  return sessionOf(right.body)
}

async function guess(client: Client, email: string, key: string, code: number): Promise<void> {
  const body = { email_key: key, verification_code: code }
  const about = { person: email, of: key }
  await client.history.send(client.base, 'guess', about, { line: 'POST /v1/auth/verify', body })
}

async function actOnce(client: Client, person: Person): Promise<void> {
  const act = client.luck.pick([refresh, rotate, rotate, useKey, useKey, changePassword])
  return act(client, person)
}

async function refresh(client: Client, { email, session }: Person): Promise<void> {
  const body = { refresh_token: session.refreshToken }
  const asked = { line: 'POST /v1/auth/refresh', body }
  const answer = await send(client, 'refresh', email, session.id, asked)
  session.token = answer.token
}

async function rotate(client: Client, { email, session }: Person): Promise<void> {
  const body = { refresh_token: session.refreshToken, rotate: true }
  const asked = { line: 'POST /v1/auth/refresh', body }
  Object.assign(session, sessionOf(await send(client, 'rotate', email, session.id, asked)))
}

async function useKey(client: Client, { email, session }: Person): Promise<void> {
  const headers = bearer(session)
  const asked = { line: 'POST /v1/api-keys', body: { name: 'a program' }, headers }
  const { id } = await send(client, 'make key', email, session.id, asked)
  if (!client.luck.oneIn(2)) return
  await send(client, 'revoke key', email, id, { line: `DELETE /v1/api-keys/${id}`, headers })
}

/** From another device, which the change ends. */
async function changePassword(client: Client, person: Person): Promise<void> {
  const { email, password } = person
  const body = { email_or_username: email, password }
  const { email_key } = await send(client, 'login', email, email, {
    line: 'POST /v1/auth/login',
    body,
  })
  const letters = client.history.deeds.filter(
    (deed) => deed.person === email && ['register', 'login'].includes(deed.act),
  ).length
  const code = await codeOf(client, email, letters)
  person.session = await verify(client, email, email_key, code, 1)
  const next = `${PASSWORD} ${letters}`
  const change = { current_password: password, new_password: next, confirm_password: next }
  await send(client, 'change password', email, person.session.id, {
    line: 'PUT /v1/auth/password/update',
    body: change,
    headers: bearer(person.session),
  })
  person.password = next
}

async function signOut(client: Client, { email, session }: Person): Promise<void> {
  const asked = { line: 'POST /v1/auth/logout', body: {}, headers: bearer(session) }
  await send(client, 'sign out', email, session.id, asked)
}

/** What was answered when it was done; else this life ends here. */
async function send(
  { base, history }: Client,
  act: Act,
  person: string,
  of: string,
  asked: Asked,
  // biome-ignore lint/suspicious/noExplicitAny: what came over the wire, before anybody checked it
): Promise<any> {
  const answer = await history.send(base, act, { person, of }, asked)
  if (!answer || answer.status >= 300) throw new Unanswered()
  return answer.body
}

/** The code of the so manyth letter. */
async function codeOf({ sink, over }: Client, email: string, count: number): Promise<string> {
  while (!over.aborted) {
    const codes = sink.codesFor(email)
    const code = codes[count - 1]
    if (code) return code
    await wait(5)
  }
  throw new Unanswered()
}

const bearer = ({ token }: Session) => ({ authorization: `Bearer ${token}` })

const sessionOf = (body: { device_id: string; token: string; refreshToken: string }): Session => ({
  id: body.device_id,
  token: body.token,
  refreshToken: body.refreshToken,
})
