import { type Static, Type } from 'typebox'
import { endLeaked, type Leak } from '../auth/leak.ts'
import type { Call } from '../context.ts'
import { LEAKS_AT_ONCE } from '../limits.ts'
import { strict } from '../wire/body.ts'
import { Moment } from '../wire/reply.ts'
import { unfit } from './key-fields.ts'

const found = {
  key: Type.String({ minLength: 1, maxLength: 200 }),
  url: Type.Optional(Type.String({ maxLength: 2000, description: 'Where it was found' })),
  found_at: Type.Optional(Moment),
}

export const LeakBody = Type.Object(
  {
    key: Type.Optional(found.key),
    url: found.url,
    found_at: found.found_at,
    keys: Type.Optional(
      Type.Array(Type.Object(found, strict), { minItems: 1, maxItems: LEAKS_AT_ONCE }),
    ),
  },
  strict,
)

export const LeakAnswer = Type.Object({
  revoked: Type.Literal(true, { description: 'None of what was sent opens anything' }),
})

/** Whoever holds a key may end it, with it alone. The answer is the same for whatever was sent. */
export async function reportLeak(
  call: Call<Static<typeof LeakBody>>,
): Promise<Static<typeof LeakAnswer>> {
  for (const leak of leaksOf(call.body)) await endLeaked(call, leak)
  return { revoked: true }
}

function leaksOf({ key, keys, ...about }: Static<typeof LeakBody>): Leak[] {
  const isBatch = keys !== undefined
  const isOne = key !== undefined
  if (isBatch === isOne) throw unfit('key', 'either one key, or keys')
  const told = isOne ? [{ key, ...about }] : (keys ?? [])
  return told.map(({ found_at, ...leak }) => ({
    ...leak,
    foundAt: momentOf(found_at),
  }))
}

/** A leap second is a moment that the schema takes and nobody can read. */
function momentOf(text = ''): number | null {
  const at = Date.parse(text)
  return Number.isNaN(at) ? null : at
}
