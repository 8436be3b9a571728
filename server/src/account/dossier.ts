import { type Static, Type } from 'typebox'
import type { App } from '../context.ts'
import type { Row } from '../store/database.ts'
import { type DossierPart, dossierParts } from '../store/dossier.ts'
import { moment } from '../wire/reply.ts'

const Entry = Type.Object({}, { additionalProperties: true })

export const DossierAnswer = Type.Object({
  format: Type.Literal('freddy-auth/person/1'),
  made_at: Type.String({ format: 'date-time' }),
  account: Entry,
  ...(Object.fromEntries(dossierParts.map((name) => [name, Type.Array(Entry)])) as Record<
    Exclude<DossierPart, 'account'>,
    ReturnType<typeof entries>
  >),
  cut: Type.Array(Type.String(), { description: 'Lists of which only the newest are here' }),
})

function entries() {
  return Type.Array(Entry)
}

/** All that is kept about a person, in words of the wire: moments are text. Null when there is no such person. */
export async function tellDossier(
  app: App,
  userId: string,
  most: number,
  now: number,
): Promise<Static<typeof DossierAnswer> | null> {
  const found = await app.store.dossiers.find(userId, most + 1)
  if (!found) return null
  const lists = Object.fromEntries(
    dossierParts.map((name) => [name, found[name].slice(0, most).map(tell)]),
  ) as Record<Exclude<DossierPart, 'account'>, Record<string, unknown>[]>
  return {
    format: 'freddy-auth/person/1',
    made_at: moment(now),
    account: tell(found.account[0] ?? {}),
    ...lists,
    cut: dossierParts.filter((name) => found[name].length > most),
  }
}

function tell(row: Row): Record<string, unknown> {
  const told = Object.entries(row).map(([name, value]) => {
    const isMoment = /_(at|until)$/.test(name) && typeof value === 'number'
    return [name, isMoment ? moment(value) : value]
  })
  return Object.fromEntries(told)
}
