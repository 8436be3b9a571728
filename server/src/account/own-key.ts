import { type Static, Type } from 'typebox'
import { limitNames } from '../auth/key-limits.ts'
import { type KeyHolder, requireKeyHolder } from '../auth/principal.ts'
import type { Call } from '../context.ts'
import { spenderOf, standing } from '../responses/ledger.ts'
import { Moment, moment, momentOrNull, OrNull } from '../wire/reply.ts'
import { LimitsAnswer, limitsOf, requireKey } from './key-answer.ts'
import { shownLimit } from './key-fields.ts'

const Left = Type.Object({ left: Type.Number(), resets_at: Moment })

export const OwnKeyAnswer = Type.Object({
  id: Type.String(),
  name: Type.String(),
  scopes: Type.Array(Type.String()),
  models: OrNull(Type.Array(Type.String())),
  limits: LimitsAnswer,
  remaining: Type.Object(
    Object.fromEntries(limitNames.map((name) => [name, Type.Optional(Left)])),
    { description: 'Of each limit that is set' },
  ),
  created_at: Moment,
  expires_at: OrNull(Moment),
})

/** What a program may know of the key in its own hands: nothing of where else it is used, or by whom. */
export async function showOwnKey(call: Call): Promise<Static<typeof OwnKeyAnswer>> {
  const holder = requireKeyHolder(call)
  const row = await requireKey(call, holder.keyId, holder.userId)
  return {
    id: row.id,
    name: row.name,
    scopes: [...holder.scopes],
    models: holder.models === null ? null : [...holder.models],
    limits: limitsOf(row),
    remaining: { ...(await callsLeft(call, holder)), ...(await spendingLeft(call)) },
    created_at: moment(row.created_at),
    expires_at: momentOrNull(row.expires_at),
  }
}

/** What its person may still spend over all keys is none of the program's business. */
async function spendingLeft(call: Call) {
  const { app, now } = call
  await app.usage.flush()
  const own = (await standing(app, spenderOf(call), now)).filter(({ level }) => level === 'key')
  return Object.fromEntries(
    own.map(({ limit, used, most, resetsAt }) => [
      limit,
      { left: shownLimit(limit, Math.max(0, most - used)), resets_at: moment(resetsAt) },
    ]),
  )
}

/** By each of the key's own buckets, or its parent's, after the call that asks. */
async function callsLeft({ app, now }: Call, { countedAs, own }: KeyHolder) {
  const standings = own.map(async (bucket) => {
    const room = { own: [bucket, ...own.filter((other) => other !== bucket)] }
    const ruling = await app.limiter.look('requests', countedAs, now, room)
    const name = bucket.perMs === 60_000 ? 'requests_per_minute' : 'requests_per_day'
    return [name, { left: ruling.remaining, resets_at: moment(now + ruling.resetMs) }] as const
  })
  return Object.fromEntries(await Promise.all(standings))
}
