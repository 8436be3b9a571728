import type { Call } from '../context.ts'
import { ApiError } from '../errors.ts'
import type { AuditEvent } from '../store/audit.ts'
import type { Role } from '../store/users.ts'
import { allowed } from './audit.ts'
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

/** Takes the account with its sessions, devices and keys; the audit trail keeps what was decided. */
export async function deleteUser(acting: Acting, id: string): Promise<void> {
  await change(acting, id, 'user.deleted', (event) => acting.app.store.roster.delete(id, event))
}

/** A new role begins with a new sign-in: sessions of the old one end. */
export async function appointUser(acting: Acting, id: string, role: Role): Promise<void> {
  await change(acting, id, `user.made_${role}`, (event) =>
    acting.app.store.roster.appoint(id, role, event),
  )
}

/** The store says no where nothing is to change and where the last admin would go: the row tells which. */
async function change(
  acting: Acting,
  id: string,
  name: string,
  apply: (event: AuditEvent) => Promise<boolean>,
): Promise<void> {
  const { app, actor } = acting
  const before = await app.store.users.find(id)
  if (!before) throw new ApiError('RESOURCE_NOT_FOUND')
  const changed = await apply(allowed(acting, name, { userId: id, subjectId: id, actor }))
  forgetPerson(app, id)
  if (changed) return
  const after = await app.store.users.find(id)
  const stands = after?.role === 'admin' && after.disabled_at === null
  if (!stands || name === 'user.enabled' || name === 'user.made_admin') return
  throw new ApiError('OPERATION_NOT_ALLOWED', {
    details: { reason: 'The last admin stays: appoint another one first' },
  })
}
