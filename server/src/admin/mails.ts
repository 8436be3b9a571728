import { type Static, Type } from 'typebox'
import { allowed } from '../auth/audit.ts'
import { counter, waitForAll } from '../auth/budget.ts'
import { ownerLetter } from '../auth/notice.ts'
import { randomId } from '../auth/random.ts'
import { requireStrongSession } from '../auth/strong-session.ts'
import type { Call } from '../context.ts'
import { ApiError, tooMany } from '../errors.ts'
import type { QueuedMail } from '../store/outbox.ts'
import { strict } from '../wire/body.ts'
import { Moment, moment, momentOrNull, OrNull } from '../wire/reply.ts'

const State = Type.Union([
  Type.Literal('queued'),
  Type.Literal('sent'),
  Type.Literal('delayed'),
  Type.Literal('refused'),
])

export const MailAnswer = Type.Object({
  id: Type.String(),
  letter: Type.String({ description: 'Which words it says; a code is never shown' }),
  state: State,
  reason: OrNull(Type.String({ description: 'What the mail server said' })),
  tries: Type.Integer(),
  created_at: Moment,
  sent_at: OrNull(Moment),
  next_try_at: OrNull(Moment),
})

export const MailList = Type.Object({
  object: Type.Literal('list'),
  data: Type.Array(MailAnswer),
  has_more: Type.Boolean(),
})

export const MailQuery = Type.Object(
  {
    limit: Type.Optional(Type.String({ pattern: '^([1-9][0-9]?|100)$' })),
    after: Type.Optional(Type.String({ pattern: '^mail_[0-9a-f]{32}$' })),
    waiting: Type.Optional(
      Type.Literal('true', { description: 'Only what was neither sent nor given up' }),
    ),
  },
  strict,
)

/** The mails of the last days, newest first, and how each fares. */
export async function listMails(
  call: Call<unknown, unknown, Static<typeof MailQuery>>,
): Promise<Static<typeof MailList>> {
  const { app, query } = call
  const most = Number(query.limit ?? 20)
  const rows = await app.store.outbox.list({
    after: query.after ?? null,
    waitingOnly: query.waiting === 'true',
    most: most + 1,
  })
  return { object: 'list', data: rows.slice(0, most).map(tell), has_more: rows.length > most }
}

/** Mails the admin who asks: what arrives there arrives elsewhere too. */
export async function sendTestMail(call: Call): Promise<Static<typeof MailAnswer>> {
  const { app, now } = call
  const { userId } = requireStrongSession(call)
  const user = await app.store.users.find(userId)
  if (!user) throw new ApiError('TOKEN_INVALID')
  const letter = { ...ownerLetter(call, user.address, 'test'), userId }
  const event = allowed(call, 'mail.tested', { userId })
  const mails = counter(app, 'test-mails', [userId], userId)
  if (!(await app.store.outbox.queueCounted(letter, event, { mails, tryId: randomId('try_') }))) {
    throw tooMany('TOO_MANY_REQUESTS', await waitForAll(app, [mails], now))
  }
  app.outbox.poke()
  const row = await app.store.outbox.find(letter.id)
  if (!row) throw new ApiError('RESOURCE_NOT_FOUND')
  return tell(row)
}

function tell(row: QueuedMail): Static<typeof MailAnswer> {
  const waits = row.state === 'queued' || row.state === 'delayed'
  return {
    id: row.id,
    letter: row.letter,
    state: row.state,
    reason: row.reason,
    tries: row.tries,
    created_at: moment(row.created_at),
    sent_at: momentOrNull(row.sent_at),
    next_try_at: waits ? moment(row.next_at) : null,
  }
}
