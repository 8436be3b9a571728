import { useState } from 'preact/hooks'
import { usePages } from '../load.ts'
import { Link } from '../route.tsx'
import { moment, say } from '../words.ts'
import { More } from './more.tsx'
import { Section } from './section.tsx'
import { Ready } from './states.tsx'

/** A decision, as the trail holds it. */
export interface AuditEvent {
  readonly id: string
  readonly happened_at: string
  readonly event: string
  readonly outcome: string
  readonly reason: string | null
  readonly user_id: string | null
  readonly subject_id: string | null
  readonly actor: string | null
  readonly source: string | null
}

/** What stands before the dot of an event's name. */
const kinds = [
  ...[
    'login',
    'code',
    'registration',
    'reset',
    'password',
    'email',
    'factor',
    'profile',
    'account',
  ],
  ...['session', 'sessions', 'pairing', 'key', 'raise', 'user', 'mail', 'panic'],
  ...['auth', 'secret', 'signing_key', 'backup', 'database'],
]

/** The trail of decisions, newest first, by outcome and kind. */
export function AdminTrail() {
  const [outcome, setOutcome] = useState('')
  const [kind, setKind] = useState('')
  const query = new URLSearchParams({
    ...(outcome ? { outcome } : {}),
    ...(kind ? { event: kind } : {}),
  })
  return (
    <Section title={say('trail')} lead={say('trailLead')}>
      <div class="row">
        <Choice
          label={say('outcome')}
          options={{ allowed: say('allowed'), refused: say('refused') }}
          choose={setOutcome}
        />
        <Choice
          label={say('about')}
          options={Object.fromEntries(kinds.map((each) => [each, each]))}
          choose={setKind}
        />
      </div>
      <Trail query={query} />
    </Section>
  )
}

/** The decisions that a query means. */
export function Trail({ query }: { readonly query: URLSearchParams }) {
  const trail = usePages<AuditEvent>(`/v1/admin/audit?${query}`)
  return (
    <>
      <Ready of={trail}>
        {(shown) =>
          shown.length === 0 ? (
            <p class="quiet-text">{say('nothingYet')}</p>
          ) : (
            <ul class="list">
              {shown.map((event) => (
                <Row key={event.id} of={event} isAbout={query.has('user_id')} />
              ))}
            </ul>
          )
        }
      </Ready>
      <More more={trail.more} />
    </>
  )
}

interface ChoiceProps {
  readonly label: string
  /** What may be chosen, and how it is called. */
  readonly options: Readonly<Record<string, string>>
  readonly choose: (value: string) => void
}

function Choice({ label, options, choose }: ChoiceProps) {
  return (
    <label class="row">
      <span class="legend">{label}</span>
      <select
        onChange={({ currentTarget }) => choose(currentTarget.value)}
        style={{ width: 'auto' }}
      >
        <option value="">{say('all')}</option>
        {Object.entries(options).map(([value, text]) => (
          <option key={value} value={value}>
            {text}
          </option>
        ))}
      </select>
    </label>
  )
}

interface RowProps {
  readonly of: AuditEvent
  /** Whether all that is shown is about one person. */
  readonly isAbout: boolean
}

function Row({ of: event, isAbout }: RowProps) {
  const isRefused = event.outcome === 'refused'
  return (
    <li class="stack tight">
      <div class="row apart">
        <h3 class="mono">{event.event}</h3>
        <span class={`badge ${isRefused ? 'warn' : 'good'}`}>
          {say(isRefused ? 'refused' : 'allowed')}
        </span>
      </div>
      <div class="facts">
        <time dateTime={event.happened_at}>{moment(event.happened_at)}</time>
        {event.reason && <span>{event.reason}</span>}
        {event.source && <span>{event.source}</span>}
        {event.actor && <span>{say('byActor', { actor: event.actor })}</span>}
        {event.user_id && !isAbout && (
          <Link class="mono breaks" to={`/hub/admin/users/${event.user_id}`}>
            {event.user_id}
          </Link>
        )}
      </div>
    </li>
  )
}
