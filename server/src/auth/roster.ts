import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { AuditEvent } from '../store/audit.ts'
import type { Role, UserRow } from '../store/users.ts'
import { requirePerson } from './account.ts'
import { allowed, departed, type Facts } from './audit.ts'
import { ownerLetter } from './notice.ts'
import { forgetPerson } from './session.ts'

/** Somebody with power over other people's accounts: an admin, or the operator's shell. */
export interface Acting extends Pick<Call, 'app' | 'now' | 'origin'> {
  /** The admin's id, or `shell`. */
  readonly actor: string
}

/** Signs somebody out everywhere and lets nobody in again; what ended stays ended after `enableUser`. */
export async function disableUser(acting: Acting, id: string): Promise<void> {
  await change(acting, id, 'user.disabled', (event) => acting.app.store.roster.disable(id, event))
}

export async function enableUser(acting: Acting, id: string): Promise<void> {
  await change(acting, id, 'user.enabled', (event) => acting.app.store.roster.enable(id, event))
}

/** Signs somebody out everywhere; they may sign in again. Answers how many sessions that lived are over. */
export async function signUserOut(acting: Acting, id: string): Promise<number> {
  const { app, actor } = acting
  if (!(await app.store.users.find(id))) throw new ApiError('RESOURCE_NOT_FOUND')
  const event = allowed(acting, 'user.signed_out', { userId: id, subjectId: id, actor })
  const ended = await app.store.sessions.endOthers(null, id, 'ended_by_operator', event)
  forgetPerson(app, id)
  return ended.length
}

/** Takes the account with all that names its person; the audit trail keeps what was decided. */
export async function deleteUser(acting: Acting, id: string): Promise<void> {
  const { app, now } = acting
  await change(acting, id, 'user.deleted', (event, { address }) => {
    const letter = ownerLetter(acting, address, 'farewell')
    // Of who deletes themselves nothing stays, not even from where.
    const told = acting.actor === id ? departed(now, id) : event
    return app.store.roster.delete(id, { event: told, letter })
  })
  app.outbox.poke()
}

/** Somebody goes by themselves, as long as the password that they just proved is theirs and opens the account. */
export async function leave(
  { app, origin, now }: Call,
  user: UserRow,
  provenHash: string,
): Promise<void> {
  const { id } = user
  const left = await app.store.roster.delete(id, {
    event: departed(now, id),
    letter: ownerLetter({ app, origin, now }, user.address, 'farewell'),
    provenHash,
  })
  forgetPerson(app, id)
  app.outbox.poke()
  if (left) return
  const { role, password_hash, reset_required_at } = await requirePerson(app, id)
  const stands = password_hash === provenHash && reset_required_at === null
  throw stands && role === 'admin' ? lastAdmin() : new ApiError('INVALID_CREDENTIALS')
}

/** A new role begins with a new sign-in: sessions of the old one end. */
export async function appointUser(acting: Acting, id: string, role: Role): Promise<void> {
  await change(
    acting,
    id,
    `user.made_${role}`,
    (event) => acting.app.store.roster.appoint(id, role, event),
    { changed: ['role'], role },
  )
}

/** The store says no where nothing is to change and where the last admin would go: the row tells which. */
async function change(
  acting: Acting,
  id: string,
  name: string,
  apply: (event: AuditEvent, before: UserRow) => Promise<boolean>,
  facts: Facts = {},
): Promise<void> {
  const { app, actor } = acting
  const before = await app.store.users.find(id)
  if (!before) throw new ApiError('RESOURCE_NOT_FOUND')
  const about = { userId: id, subjectId: id, actor, facts }
  const changed = await apply(allowed(acting, name, about), before)
  forgetPerson(app, id)
  if (changed) return
  const after = await app.store.users.find(id)
  const stands = after?.role === 'admin' && after.disabled_at === null
  if (!stands || name === 'user.enabled' || name === 'user.made_admin') return
  throw lastAdmin()
}

function lastAdmin(): ApiError {
  return new ApiError('OPERATION_NOT_ALLOWED', {
    details: { reason: 'The last admin stays: appoint another one first' },
  })
}
