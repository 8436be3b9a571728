import { useState } from 'preact/hooks'
import { useLoad } from '../load.ts'
import { moment, say } from '../words.ts'
import { Section } from './section.tsx'
import { Ready } from './states.tsx'

interface Trail {
  readonly data: readonly {
    readonly id: string
    readonly happened_at: string
    readonly event: string
    readonly outcome: string
    readonly reason: string | null
    readonly user_id: string | null
    readonly actor: string | null
    readonly source: string | null
  }[]
  readonly has_more: boolean
}

const kinds = ['login', 'code', 'session', 'password', 'key', 'factor', 'user'] as const

/** The trail of decisions, newest first, by outcome and kind. */
export function AdminTrail() {
  const [outcome, setOutcome] = useState('')
  const [kind, setKind] = useState('')
  const [before, setBefore] = useState('')
  const query = new URLSearchParams({ limit: '50' })
  if (outcome) query.set('outcome', outcome)
  if (kind) query.set('event', kind)
  if (before) query.set('before', before)
  const trail = useLoad<Trail>(`/v1/admin/audit?${query}`)
  const choose = (set: (value: string) => void) => (event: Event) => {
    set((event.target as HTMLSelectElement).value)
    setBefore('')
  }
  return (
    <Section title={say('trail')} lead={say('trailLead')}>
      <div class="row">
        <label class="row">
          <span class="legend">{say('outcome')}</span>
          <select onChange={choose(setOutcome)} style={{ width: 'auto' }}>
            <option value="">{say('all')}</option>
            <option value="allowed">{say('allowed')}</option>
            <option value="refused">{say('refused')}</option>
          </select>
        </label>
        <label class="row">
          <span class="legend">{say('about')}</span>
          <select onChange={choose(setKind)} style={{ width: 'auto' }}>
            <option value="">{say('all')}</option>
            {kinds.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
      </div>
      <Ready of={trail}>
        {({ data, has_more }) => (
          <>
            <ul class="list">
              {data.map((event) => (
                <li class="stack tight" key={event.id}>
                  <div class="row apart">
                    <h3 class="mono">{event.event}</h3>
                    <span class={`badge ${event.outcome === 'refused' ? 'warn' : 'good'}`}>
                      {say(event.outcome === 'refused' ? 'refused' : 'allowed')}
                    </span>
                  </div>
                  <div class="facts">
                    <time dateTime={event.happened_at}>{moment(event.happened_at)}</time>
                    {event.reason && <span>{event.reason}</span>}
                    {event.source && <span>{event.source}</span>}
                    {event.actor && <span>{say('byActor', { actor: event.actor })}</span>}
                    {event.user_id && <span class="mono breaks">{event.user_id}</span>}
                  </div>
                </li>
              ))}
            </ul>
            <div class="row">
              {before && (
                <button type="button" class="button quiet small" onClick={() => setBefore('')}>
                  {say('newest')}
                </button>
              )}
              {has_more && (
                <button
                  type="button"
                  class="button quiet small"
                  onClick={() => setBefore(data.at(-1)?.happened_at ?? '')}
                >
                  {say('older')}
                </button>
              )}
            </div>
          </>
        )}
      </Ready>
    </Section>
  )
}
