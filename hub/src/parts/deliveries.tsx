import { useState } from 'preact/hooks'
import { useAct } from '../act.ts'
import { call } from '../api.ts'
import { useLoad } from '../load.ts'
import { ago, say } from '../words.ts'
import { Problem, Ready, When } from './states.tsx'

interface Delivery {
  readonly event_id: string
  /** Null where the event is kept no longer. */
  readonly type: string | null
  readonly state: 'waiting' | 'delivered' | 'given_up'
  readonly tries: number
  readonly last_status: number | null
  readonly last_reason: string | null
  readonly created_at: string
}

const tones = { waiting: '', delivered: 'good', given_up: 'bad' } as const

interface DeliveriesProps {
  /** The endpoint, in the API. */
  readonly path: string
  readonly open: boolean
}

/** What was sent to an endpoint last, read when somebody opens it. */
export function Deliveries({ path, open }: DeliveriesProps) {
  const [seen, setSeen] = useState(open)
  return (
    <details open={open} onToggle={() => setSeen(true)}>
      <summary>{say('deliveries')}</summary>
      {seen && <Last path={path} />}
    </details>
  )
}

function Last({ path }: Pick<DeliveriesProps, 'path'>) {
  const last = useLoad<{ data: readonly Delivery[] }>(`${path}/deliveries`)
  const { busy, failure, act } = useAct()
  const again = (id: string) =>
    act(async () => {
      await call('POST', `${path}/deliveries/${id}/replay`)
      await last.reload()
    })
  return (
    <div class="stack tight">
      <div class="row">
        <button
          type="button"
          class="button quiet small"
          disabled={busy}
          onClick={() => void act(last.reload)}
        >
          {say('lookAgain')}
        </button>
      </div>
      <Problem cause={failure} />
      <Ready of={last}>
        {({ data }) => (
          <>
            {data.length === 0 && <p class="quiet-text">{say('noDeliveries')}</p>}
            <ul class="list">
              {data.map((each) => (
                <li class="row apart" key={each.event_id}>
                  <div class="facts">
                    <span class="mono">{each.type ?? each.event_id}</span>
                    <span class={`badge ${tones[each.state]}`}>
                      {say(`delivery.${each.state}`)}
                    </span>
                    <When iso={each.created_at} text={ago(each.created_at)} />
                    {each.tries > 0 && <span>{say('tries', { count: each.tries })}</span>}
                    <span>{each.last_status ?? each.last_reason ?? ''}</span>
                  </div>
                  {each.state !== 'waiting' && (
                    <button
                      type="button"
                      class="button quiet small"
                      disabled={busy}
                      onClick={() => void again(each.event_id)}
                    >
                      {say('sendAgain')}
                    </button>
                  )}
                </li>
              ))}
            </ul>
          </>
        )}
      </Ready>
    </div>
  )
}
