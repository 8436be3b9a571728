import { type Static, Type } from 'typebox'
import { subjectOf } from '../events.ts'
import type { EventRow } from '../store/events.ts'
import { Moment, moment } from '../wire/reply.ts'

export const ToldEvent = Type.Object({
  id: Type.String(),
  type: Type.String(),
  timestamp: Moment,
  data: Type.Record(Type.String(), Type.Unknown(), {
    description: 'Ids and facts: docs/webhooks.md says which',
  }),
})

/** An event as it leaves the server: the same from the list and to an endpoint. */
export function eventBody(row: EventRow): Static<typeof ToldEvent> {
  const { id, type, user_id, subject_id, facts } = row
  const subject = subjectOf(type)
  const data = {
    ...(user_id === null ? {} : { user_id }),
    ...(subject === null || subject_id === null ? {} : { [subject]: subject_id }),
    ...(facts === null ? {} : JSON.parse(facts)),
  }
  return { id, type, timestamp: moment(row.happened_at), data }
}
