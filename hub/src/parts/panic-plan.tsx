import { useState } from 'preact/hooks'
import { useAct } from '../act.ts'
import { call } from '../api.ts'
import { ago, moment, number, say } from '../words.ts'
import type { Wanted } from './admin-panic.tsx'
import { Dialog } from './dialog.tsx'
import { Problem } from './states.tsx'

/** What a panic would end, or ended. */
export interface Plan {
  readonly target: string
  readonly ends: {
    readonly sessions: number
    readonly api_keys: number
    readonly people?: number
    readonly challenges?: number
  }
  readonly sessions?: readonly {
    readonly device_id: string
    readonly device_name: string | null
    readonly email: string
    readonly source: string
    readonly last_used_at: string
  }[]
  readonly api_keys?: readonly {
    readonly id: string
    readonly name: string
    readonly prefix: string
    readonly last4: string
    readonly email: string
    readonly last_used_at: string | null
  }[]
  readonly your_session?: 'kept' | 'ends'
  readonly confirm?: string
  readonly expires_at?: string
}

interface PanicPlanProps {
  readonly wanted: Wanted
  readonly plan: Plan
  readonly onDone: (done: Plan) => Promise<void>
  readonly onCancel: () => void
}

/** The rehearsal: nothing has ended yet. */
export function PanicPlan({ wanted, plan, onDone, onCancel }: PanicPlanProps) {
  const [asking, setAsking] = useState(false)
  return (
    <div class="card stack">
      <h3>{say('wouldEnd', { target: wanted.typed })}</h3>
      <Counts of={plan} />
      {plan.your_session && (
        <p class={plan.your_session === 'ends' ? 'notice warn' : 'quiet-text'}>
          {say(`yourSession.${plan.your_session}`)}
        </p>
      )}
      <Named of={plan} />
      <div class="row">
        <button type="button" class="button danger" onClick={() => setAsking(true)}>
          {say('panicGo')}
        </button>
        <button type="button" class="button quiet" onClick={onCancel}>
          {say('cancel')}
        </button>
      </div>
      <p class="hint">{say('planEnds', { when: moment(plan.expires_at ?? '') })}</p>
      {asking && (
        <Sure wanted={wanted} plan={plan} onDone={onDone} onClose={() => setAsking(false)} />
      )}
    </div>
  )
}

function Counts({ of: { ends } }: { readonly of: Plan }) {
  const counts: readonly [string, number][] = [
    [say('sessionsEnd'), ends.sessions],
    [say('keysPause'), ends.api_keys],
    [say('peopleConcerned'), ends.people ?? 0],
    [say('codesEnd'), ends.challenges ?? 0],
  ]
  return (
    <dl class="tiles four">
      {counts.map(([name, count]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class="tile">{number(count)}</dd>
        </div>
      ))}
    </dl>
  )
}

/** The first of them by name; the counts count all. */
function Named({ of: { sessions = [], api_keys: keys = [] } }: { readonly of: Plan }) {
  return (
    <>
      {sessions.length > 0 && (
        <details>
          <summary>{say('whichSessions')}</summary>
          <ul class="plain-list">
            {sessions.map((session) => (
              <li key={session.device_id}>
                <span class="breaks">{session.email}</span>
                <span class="facts">
                  {session.device_name && <span>{session.device_name}</span>}
                  <span>{session.source}</span>
                  <span>{say('activeWhen', { when: ago(session.last_used_at) })}</span>
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
      {keys.length > 0 && (
        <details>
          <summary>{say('whichKeys')}</summary>
          <ul class="plain-list">
            {keys.map((key) => (
              <li key={key.id}>
                <span class="breaks">
                  {key.name}{' '}
                  <code class="quiet-text">
                    {key.prefix}…{key.last4}
                  </code>
                </span>
                <span class="facts">
                  <span class="breaks">{key.email}</span>
                  <span>
                    {key.last_used_at
                      ? say('lastUsed', { when: ago(key.last_used_at) })
                      : say('neverUsed')}
                  </span>
                </span>
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  )
}

interface SureProps extends Omit<PanicPlanProps, 'onCancel'> {
  readonly onClose: () => void
}

/** Whoever does it types what it is about. */
function Sure({ wanted, plan, onDone, onClose }: SureProps) {
  const [typed, setTyped] = useState('')
  const { busy, failure, act } = useAct()
  const submit = (event: Event) => {
    event.preventDefault()
    void act(async () => {
      const body = { ...wanted.body, confirm: plan.confirm }
      await onDone(await call<Plan>('POST', '/v1/admin/panic', body))
    })
  }
  return (
    <Dialog title={say('panicSure')} onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <p>{say('panicSureLead')}</p>
        <div class="field">
          <label for="panic-word">{say('typeTarget', { target: wanted.typed })}</label>
          <input
            id="panic-word"
            value={typed}
            autocomplete="off"
            autofocus
            onInput={({ currentTarget }) => setTyped(currentTarget.value)}
          />
        </div>
        <Problem cause={failure} />
        <div class="row">
          <button
            type="submit"
            class="button danger"
            disabled={busy || typed.trim() !== wanted.typed}
          >
            {say('panicGo')}
          </button>
          <button type="button" class="button quiet" onClick={onClose}>
            {say('cancel')}
          </button>
        </div>
      </form>
    </Dialog>
  )
}
