import { allowed } from '../src/auth/audit.ts'
import type { AuditEvent } from '../src/store/audit.ts'
import type { Answer, Freddy, Person } from './freddy.ts'

/** Somebody signed in, and what they do with their keys. */
export interface KeyOwner {
  readonly id: string
  readonly person: Person
  readonly token: string
  make(more?: object): Promise<Answer>
  change(id: string, body: object): Promise<Answer>
  show(id: string): Promise<Answer['body']>
  act(id: string, verb: string, body?: object): Promise<Answer>
  revoke(id: string): Promise<Answer>
}

export async function keyOwner(freddy: Freddy, name = 'ada'): Promise<KeyOwner> {
  const person = await freddy.person(name)
  const { token } = await freddy.signIn(person)
  const keys = '/v1/api-keys'
  return {
    id: person.id,
    person,
    token,
    make: (more = {}) => freddy.ask(`POST ${keys}`, { token, body: { name: 'k', ...more } }),
    change: (id, body) => freddy.ask(`PATCH ${keys}/${id}`, { token, body }),
    show: async (id) => (await freddy.ask(`GET ${keys}/${id}`, { token })).body,
    act: (id, verb, body) =>
      freddy.ask(`POST ${keys}/${id}/${verb}`, { token, ...(body ? { body } : {}) }),
    revoke: (id) => freddy.ask(`DELETE ${keys}/${id}`, { token }),
  }
}

/** A call with a key, from an address of its own where one is given. */
export function useKey(freddy: Freddy, key: string, from?: string): Promise<Answer> {
  return freddy.ask('GET /v1/models', { headers: { 'api-key': key }, ...(from ? { from } : {}) })
}

/** What the trail is told when a test asks the store itself. */
export function keyEvent(freddy: Freddy, name: string): AuditEvent {
  const origin = { address: 'shell', source: 'shell', network: null, agent: 'freddy-auth' }
  return allowed({ now: freddy.now(), origin }, name)
}
