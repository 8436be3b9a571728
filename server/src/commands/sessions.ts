import { defineCommand } from 'citty'
import type { Operator } from '../app.ts'
import { allowed } from '../auth/audit.ts'
import { platformName, programName } from '../auth/device-name.ts'
import { endings, endOf } from '../auth/session-end.ts'
import { type Deed, storyOf } from '../auth/session-story.ts'
import { ConfigError } from '../config.ts'
import { LIVE_SESSIONS } from '../limits.ts'
import type { SessionRow } from '../store/sessions.ts'
import { answer, columns, json, operate, origin, requireUser, say } from './shell.ts'

const MOST_LISTED = 1000
const MOST_DECISIONS = 100
const id = { type: 'positional', description: 'ses_…', required: true } as const

const listSessions = defineCommand({
  meta: { name: 'list', description: 'Where a person is signed in, newest first' },
  args: {
    user: { type: 'positional', description: 'E-mail address or user name', required: true },
    all: { type: 'boolean', description: 'Also those that ended', default: false },
    json,
  },
  run: ({ args }) =>
    operate(async (operator) => {
      const user = await requireUser(operator, args.user)
      const { live, kept } = await sessionsOf(operator, user.id)
      const shown = args.all ? kept : live
      if (args.json) return say(JSON.stringify(shown, null, 2))
      const rows = shown.map((one) => [
        one.id,
        one.device_name,
        one.last_seen_network,
        one.last_seen_at,
        one.end_reason ?? 'signed in',
      ])
      const head = ['ID', 'DEVICE', 'LAST SEEN FROM', 'LAST SEEN', 'STATE']
      if (rows.length > 0) for (const line of columns([head, ...rows])) say(line)
      say(counted(live.length))
    }),
})

const endSession = defineCommand({
  meta: { name: 'end', description: 'Sign one device out' },
  args: { id, json },
  run: ({ args }) =>
    operate(async (operator) => {
      const { app } = operator
      const row = await requireSession(operator, args.id)
      const over = endOf(app.config, row, app.now())
      if (over) throw new ConfigError([`${row.id} is over already. ${endings[over.reason]}`])
      const reason = 'ended_by_operator'
      const about = { reason, userId: row.user_id, subjectId: row.id, actor: 'shell' }
      const event = allowed({ now: app.now(), origin }, 'session.ended', about)
      await app.store.sessions.endOwn(row.id, row.user_id, reason, event)
      answer(args, { id: row.id, end_reason: reason }, `${row.id} has ended.`)
    }),
})

const explainSession = defineCommand({
  meta: { name: 'explain', description: 'How a session fared, and why it ended' },
  args: { id, json },
  run: ({ args }) =>
    operate(async (operator) => {
      const { app } = operator
      const row = await requireSession(operator, args.id)
      const { live } = await sessionsOf(operator, row.user_id)
      const deeds = await storyOf(app, row, app.now(), MOST_DECISIONS)
      const told = tell(operator, row)
      const decisions = deeds.toReversed().map(decision)
      if (args.json) {
        const whole = { ...told, live_sessions: live.length, most_sessions: LIVE_SESSIONS }
        return say(JSON.stringify({ ...whole, decisions }, null, 2))
      }
      const facts = Object.entries(told).map(([name, value]) => [name, String(value ?? '–')])
      for (const line of columns(facts)) say(line)
      say(counted(live.length))
      say('')
      const lines = decisions.map((one) => [
        one.happened_at,
        one.outcome,
        one.what,
        one.by,
        one.program,
        one.reason ?? '',
      ])
      for (const line of columns(lines)) say(line)
    }),
})

export const sessionsCommand = defineCommand({
  meta: { name: 'sessions', description: 'Where people are signed in' },
  subCommands: { list: listSessions, end: endSession, explain: explainSession },
})

async function requireSession({ app }: Operator, sessionId: string): Promise<SessionRow> {
  const row = await app.store.sessions.findAnybodys(sessionId)
  if (!row)
    throw new ConfigError([
      `There is no session ${sessionId}. List them: freddy-auth sessions list USER --all`,
    ])
  return row
}

async function sessionsOf(operator: Operator, userId: string) {
  const rows = await operator.app.store.sessions.listKept(userId, MOST_LISTED)
  const kept = rows.map((row) => tell(operator, row))
  return { kept, live: kept.filter(({ end_reason }) => end_reason === null) }
}

const counted = (live: number) => `${live} live, of at most ${LIVE_SESSIONS}.`

function tell({ app }: Operator, row: SessionRow) {
  const end = endOf(app.config, row, app.now())
  const moment = (ms: number) => new Date(ms).toISOString()
  return {
    id: row.id,
    email: row.address,
    device_name: row.name ?? programName(row.agent),
    platform: row.platform ?? platformName(row.agent),
    location: row.location,
    network: row.source,
    last_seen_network: row.seen_source ?? row.source,
    first_seen_at: moment(row.created_at),
    last_seen_at: moment(row.last_seen_at),
    expires_at: moment(row.expires_at),
    ended_at: end ? moment(end.at) : null,
    end_reason: end?.reason ?? null,
    explanation: end ? endings[end.reason] : 'It is signed in.',
  }
}

function decision({ what, row }: Deed) {
  return {
    happened_at: new Date(row.happened_at).toISOString(),
    outcome: row.outcome,
    event: row.event,
    what,
    by: row.actor ?? row.source ?? '',
    program: programName(row.agent ?? ''),
    reason: row.reason,
  }
}
