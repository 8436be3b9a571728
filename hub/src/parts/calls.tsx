import { useState } from 'preact/hooks'
import { useAct } from '../act.ts'
import { call } from '../api.ts'
import { useLoad } from '../load.ts'
import { ago, number, say } from '../words.ts'
import { Dialog } from './dialog.tsx'
import { Form, Input } from './form.tsx'
import { Section } from './section.tsx'
import { Problem, Ready, When } from './states.tsx'

interface Call {
  readonly id: string
  readonly request_id: string
  readonly created_at: string
  readonly key: string | null
  readonly model: string
  readonly outcome: 'open' | 'settled' | 'estimated' | 'failed' | 'refused'
  readonly input_tokens: number
  readonly output_tokens: number
}

interface Explanation {
  readonly request_id: string
  readonly sentence: string
  readonly moves: readonly { readonly step: string; readonly tokens: number }[]
}

const tones = { open: '', settled: 'good', estimated: 'warn', failed: 'warn', refused: 'bad' }

interface CallsProps {
  readonly nameOf: (key: string | null) => string
}

/** The last calls, and why one was refused. */
export function Calls({ nameOf }: CallsProps) {
  const calls = useLoad<{ data: readonly Call[] }>('/v1/usage/requests?limit=20')
  const [told, setTold] = useState<Explanation | null>(null)
  const { failure, act } = useAct()
  const explain = async (id: string) =>
    setTold(await call<Explanation>('GET', `/v1/usage/requests/${encodeURIComponent(id)}/explain`))
  return (
    <Section title={say('why')} lead={say('whyLead')}>
      <Form
        class="card"
        button={say('explain')}
        submit={({ request_id = '' }) => explain(request_id.trim())}
      >
        <Input name="request_id" label="x-request-id" maxLength={128} />
      </Form>
      <Problem cause={failure} />
      <Ready of={calls}>
        {({ data }) => (
          <ul class="list">
            {data.map((each) => (
              <Row
                key={each.id}
                of={each}
                caller={nameOf(each.key)}
                explain={() => void act(() => explain(each.request_id))}
              />
            ))}
          </ul>
        )}
      </Ready>
      {told && <Told of={told} onClose={() => setTold(null)} />}
    </Section>
  )
}

interface RowProps {
  readonly of: Call
  readonly caller: string
  readonly explain: () => void
}

function Row({ of: each, caller, explain }: RowProps) {
  const tokens = { input: number(each.input_tokens), output: number(each.output_tokens) }
  return (
    <li class="row apart">
      <div class="stack tight">
        <div class="row">
          <h3>{each.model}</h3>
          <span class={`badge ${tones[each.outcome]}`}>{say(`outcome.${each.outcome}`)}</span>
        </div>
        <div class="facts">
          <When iso={each.created_at} text={ago(each.created_at)} />
          <span>{caller}</span>
          <span>{say('tokensUsed', tokens)}</span>
        </div>
      </div>
      <button type="button" class="button quiet small" onClick={explain}>
        {say('explain')}
      </button>
    </li>
  )
}

function Told({ of: told, onClose }: { readonly of: Explanation; readonly onClose: () => void }) {
  return (
    <Dialog title={say('why')} onClose={onClose}>
      <p>{told.sentence}</p>
      {told.moves.length > 0 && (
        <ul class="facts">
          {told.moves.map(({ step, tokens }) => (
            <li key={step}>
              {step}: {number(tokens)}
            </li>
          ))}
        </ul>
      )}
      <code class="small breaks">{told.request_id}</code>
      <div class="row">
        <button type="button" class="button quiet" onClick={onClose}>
          {say('close')}
        </button>
      </div>
    </Dialog>
  )
}
