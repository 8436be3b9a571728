import type { Database, Row } from '../../src/store/database.ts'
import type { SmtpSink } from '../smtp-sink.ts'
import { type Act, type Deed, outcome } from './history.ts'

/** What happened since a moment: as clients saw it, and where its traces are. */
export interface Case {
  readonly deeds: readonly Deed[]
  readonly database: Pick<Database, 'engine' | 'read' | 'snapshot'>
  readonly sink: SmtpSink
  /** Everything in the rows that is younger belongs to these deeds. */
  readonly since: number
}

/** Rows as of one moment. */
interface Rows {
  readonly challenges: readonly Row[]
  readonly registrations: readonly Row[]
  readonly letters: readonly Row[]
  readonly users: readonly Row[]
  readonly sessions: readonly Row[]
  readonly keys: readonly Row[]
  readonly events: readonly Row[]
}

/**
 * Compares what clients were told with what is kept: what was answered is there, what was not is there wholly or not at
 * all, nothing counts twice, and no wrong guess is forgotten. Every fault is a sentence; none of them is good.
 */
export async function judge(about: Case): Promise<string[]> {
  const rows = await readRows(about)
  const { deeds } = about
  return [
    ...refusals(deeds),
    ...lostWrites(deeds, rows),
    ...surplus(deeds, rows),
    ...forgottenGuesses(deeds, rows),
    ...unsentLetters(about, rows),
    ...halves(rows),
    ...(await damage(about.database)),
  ]
}

async function readRows({ database, since }: Case): Promise<Rows> {
  const younger = (table: string, column = 'created_at') => ({
    sql: `SELECT * FROM ${table} WHERE ${column} >= :since`,
    params: { since },
  })
  const [challenges = [], registrations = [], letters = [], users = [], ...rest] =
    await database.snapshot([
      younger('challenges'),
      { sql: 'SELECT * FROM registrations', params: {} },
      younger('outbox'),
      younger('users'),
      younger('sessions'),
      younger('api_keys'),
      younger('audit_events', 'happened_at'),
    ])
  const [sessions = [], keys = [], events = []] = rest
  return { challenges, registrations, letters, users, sessions, keys, events }
}

/** Nobody who does the right thing is turned away, and an outage is told as such. */
function* refusals(deeds: readonly Deed[]): Generator<string> {
  for (const deed of deeds) {
    const status = deed.answer?.status ?? 0
    if (status === 500) yield `${sentence(deed)} was answered with 500`
    if (outcome(deed) !== 'refused' || deed.act === 'guess') continue
    const isSecond = deeds.some(
      (other) => other !== deed && other.of === deed.of && mayHave(other, 'verify'),
    )
    if (deed.act !== 'verify' || !isSecond) yield `${sentence(deed)} was refused with ${status}`
  }
}

function* lostWrites(deeds: readonly Deed[], rows: Rows): Generator<string> {
  const sessions = byColumn(rows.sessions, 'id')
  const keys = byColumn(rows.keys, 'id')
  const kept: Partial<Record<Act, (deed: Deed) => boolean>> = {
    register: ({ person }) => rows.challenges.some(({ address }) => address === person),
    verify: ({ answer }) => sessions.has(answer?.body.device_id),
    'sign out': ({ of }) => isSet(sessions.get(of), 'ended_at'),
    rotate: ({ of }) => isSet(sessions.get(of), 'parent_hash'),
    'make key': ({ answer }) => keys.has(answer?.body.id),
    'revoke key': ({ of }) => isSet(keys.get(of), 'revoked_at'),
    'change password': ({ of }) =>
      rows.events.some((row) => row.event === 'password.changed' && row.subject_id === of),
  }
  for (const deed of deeds) {
    const isKept = kept[deed.act]
    if (isKept && outcome(deed) === 'done' && !isKept(deed)) yield `${sentence(deed)} was lost`
  }
}

/** One code is one session; what was not answered is there once, or not. */
function* surplus(deeds: readonly Deed[], rows: Rows): Generator<string> {
  const verified = deeds.filter(({ act }) => act === 'verify')
  for (const [key, tries] of Map.groupBy(verified, ({ of }) => of)) {
    const done = tries.filter((deed) => outcome(deed) === 'done').length
    if (done > 1) yield `the code of ${key} started ${done} sessions`
  }
  for (const [userId, sessions] of Map.groupBy(rows.sessions, ({ user_id }) => user_id)) {
    const person = rows.users.find(({ id }) => id === userId)?.address
    if (!deeds.some((deed) => deed.person === person)) continue
    const own = verified.filter((deed) => deed.person === person && mayHave(deed, 'verify'))
    const most = new Set(own.map(({ of }) => of)).size
    if (sessions.length > most) yield `${person} has ${sessions.length} sessions of ${most} codes`
  }
}

function* forgottenGuesses(deeds: readonly Deed[], rows: Rows): Generator<string> {
  const wrong = deeds.filter((deed) => deed.act === 'guess')
  for (const deed of wrong) if (outcome(deed) === 'done') yield `${sentence(deed)} was right`
  const counted = wrong.filter((deed) => outcome(deed) === 'refused')
  for (const [person, guesses] of Map.groupBy(counted, (deed) => deed.person)) {
    const attempts = rows.challenges
      .filter(({ address }) => address === person)
      .reduce((sum, row) => sum + Number(row.attempts), 0)
    if (attempts < guesses.length) yield `${attempts} guesses of ${person} are counted`
  }
}

/** A letter that was promised went out, or waits; no code goes out twice but where its sender died. */
function* unsentLetters({ deeds, sink }: Case, rows: Rows): Generator<string> {
  for (const deed of deeds) {
    if (deed.act !== 'register' || outcome(deed) !== 'done') continue
    const ids = rows.challenges.filter(({ address }) => address === deed.person).map(({ id }) => id)
    const waits = rows.letters.some((row) => ids.includes(row.challenge_id ?? '') && !row.sent_at)
    if (!waits && sink.codesFor(deed.person).length === 0) yield `${deed.person} got no letter`
  }
}

/** Rows that belong together are there together. */
function* halves(rows: Rows): Generator<string> {
  yield* halfChallenges(rows)
  yield* halfSessions(rows)
  const about = eventsBySubject(rows)
  for (const key of rows.keys) {
    const id = String(key.id)
    if (about(id, 'key.created') !== 1) yield `key ${id} has no beginning in the trail`
    if (about(id, 'key.revoked') !== (isSet(key, 'revoked_at') ? 1 : 0))
      yield `the end of key ${id} is half kept`
  }
}

function* halfChallenges(rows: Rows): Generator<string> {
  const { challenges, letters, registrations, users, sessions } = rows
  const lettersOf = byColumn(letters, 'challenge_id')
  const sessionIds = byColumn(sessions, 'id')
  const begun = rows.events.filter(({ event }) => event === 'registration.begun').length
  const asked = challenges.filter(({ purpose }) => purpose === 'registration')
  if (begun !== asked.length) yield `${asked.length} registrations, ${begun} in the trail`
  for (const challenge of challenges) {
    const { address, id } = challenge
    if (!lettersOf.has(String(id))) yield `challenge of ${address} has no letter`
    if (isSet(challenge, 'consumed_at')) {
      if (!sessionIds.has(String(challenge.consumed_by)))
        yield `code of ${address} went for nothing`
      if (!users.some((user) => user.address === address)) yield `no account of ${address}`
    } else if (challenge.purpose === 'registration') {
      if (!registrations.some((row) => row.challenge_id === id))
        yield `registration of ${address} is gone`
    }
  }
  const known = byColumn(challenges, 'id')
  for (const { challenge_id } of letters)
    if (challenge_id !== null && !known.has(String(challenge_id))) yield 'a letter has no challenge'
}

function* halfSessions(rows: Rows): Generator<string> {
  const about = eventsBySubject(rows)
  const codes = byColumn(rows.challenges, 'consumed_by')
  for (const session of rows.sessions) {
    const id = String(session.id)
    if (!codes.has(id)) yield `session ${id} used no code`
    if (about(id, 'registration.verified') + about(id, 'login.verified') !== 1)
      yield `session ${id} has no beginning in the trail`
    if (isSet(session, 'ended_at') !== about(id, 'session.ended') > 0) {
      if (session.end_reason !== 'password_changed') yield `the end of ${id} is half kept`
    }
    if (isSet(session, 'parent_hash') !== about(id, 'session.rotated') > 0)
      yield `a rotation of ${id} is half kept`
  }
  for (const { event, user_id, subject_id, happened_at } of rows.events) {
    if (event !== 'password.changed') continue
    const alive = rows.sessions.filter(
      (row) => row.user_id === user_id && row.id !== subject_id && !isSet(row, 'ended_at'),
    )
    if (alive.some((row) => Number(row.created_at) < Number(happened_at)))
      yield `a session of ${user_id} outlived its password`
  }
}

async function damage(database: Case['database']): Promise<string[]> {
  if (database.engine !== 'SQLite') return []
  const [whole] = await database.read('PRAGMA integrity_check')
  const loose = await database.read('PRAGMA foreign_key_check')
  return [
    ...(whole?.integrity_check === 'ok' ? [] : [`integrity_check: ${whole?.integrity_check}`]),
    ...loose.map(({ table }) => `a row of ${table} points nowhere`),
  ]
}

function eventsBySubject({ events }: Rows): (subject: string, event: string) => number {
  const counts = new Map<string, number>()
  for (const row of events) {
    const key = `${row.subject_id} ${row.event}`
    counts.set(key, (counts.get(key) ?? 0) + 1)
  }
  return (subject, event) => counts.get(`${subject} ${event}`) ?? 0
}

const byColumn = (rows: readonly Row[], column: string) =>
  new Map(rows.map((row) => [String(row[column]), row]))

const isSet = (row: Row | undefined, column: string) => (row?.[column] ?? null) !== null
const mayHave = (deed: Deed, act: Act) => deed.act === act && outcome(deed) !== 'refused'
const sentence = ({ act, person, of }: Deed) => `"${act}" of ${person} (${of})`
