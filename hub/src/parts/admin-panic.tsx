import { useState } from 'preact/hooks'
import { call } from '../api.ts'
import { number, say } from '../words.ts'
import { Form, Input } from './form.tsx'
import { PanicPlan, type Plan } from './panic-plan.tsx'
import { Undoable, usePanics } from './panic-undo.tsx'
import { Section } from './section.tsx'
import { toast } from './toast.tsx'

/** What a panic may be about, and how that is asked for. */
const kinds = ['user', 'network', 'since'] as const
export type Kind = (typeof kinds)[number]

/** What was asked for: as it was typed, which confirms it, and as the server is sent it. */
export interface Wanted {
  readonly typed: string
  readonly body: Partial<Record<Kind, string>>
}

/** When somebody may have got in: first what would break, then the word that does it, then ten minutes to undo it. */
export function AdminPanic() {
  const [planned, setPlanned] = useState<{ wanted: Wanted; plan: Plan } | null>(null)
  const panics = usePanics()
  const done = async ({ ends }: Plan) => {
    setPlanned(null)
    toast(say('alarmDone', { sessions: number(ends.sessions), keys: number(ends.api_keys) }))
    await panics.reload()
  }
  return (
    <div class="stack wide">
      <Undoable panics={panics} />
      <Section title={say('panicTitle')} lead={say('panicLead')}>
        {planned ? (
          <PanicPlan {...planned} onDone={done} onCancel={() => setPlanned(null)} />
        ) : (
          <Ask onPlanned={(wanted, plan) => setPlanned({ wanted, plan })} />
        )}
      </Section>
    </div>
  )
}

function Ask({ onPlanned }: { readonly onPlanned: (wanted: Wanted, plan: Plan) => void }) {
  const [kind, setKind] = useState<Kind>('user')
  return (
    <Form
      class="card"
      button={say('rehearse')}
      submit={async ({ target = '' }) => {
        const wanted = wantedOf(kind, target.trim())
        onPlanned(wanted, await call<Plan>('POST', '/v1/admin/panic', wanted.body))
      }}
    >
      <div class="field">
        <label for="panic-kind">{say('about')}</label>
        <select
          id="panic-kind"
          onChange={({ currentTarget }) => setKind(currentTarget.value as Kind)}
        >
          {kinds.map((each) => (
            <option key={each} value={each} selected={each === kind}>
              {say(`panic.${each}`)}
            </option>
          ))}
        </select>
      </div>
      <Input
        key={kind}
        name="target"
        label={say(`panic.${kind}.label`)}
        hint={say(`panic.${kind}.hint`)}
        type={kind === 'since' ? 'datetime-local' : 'text'}
      />
    </Form>
  )
}

/** A moment is typed in the reader's zone. */
function wantedOf(kind: Kind, target: string): Wanted {
  if (kind !== 'since') return { typed: target, body: { [kind]: target } }
  const since = new Date(target).toISOString()
  return { typed: target.replace('T', ' '), body: { since } }
}
