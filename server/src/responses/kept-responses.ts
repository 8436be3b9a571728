import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import type { Streamed } from '../wire/streamed.ts'
import { askAbout } from './gateway.ts'

export const ResponseParams = Type.Object({
  id: Type.String({ pattern: '^[A-Za-z0-9_-]{1,500}$' }),
})

/** What the model server says of it, in its own fields. */
export const KeptResponse = Type.Object({ id: Type.String(), object: Type.String() })

type About = Call<unknown, Static<typeof ResponseParams>>

/** To anybody but its owner a response is not there; the built-in model keeps none. */
export async function showResponse(call: About): Promise<Streamed> {
  return askAbout(call, call.params.id, { method: 'GET' })
}

export async function deleteResponse(call: About): Promise<Streamed> {
  return askAbout(call, call.params.id, { method: 'DELETE' })
}

export async function cancelResponse(call: About): Promise<Streamed> {
  return askAbout(call, call.params.id, { method: 'POST', action: '/cancel' })
}
