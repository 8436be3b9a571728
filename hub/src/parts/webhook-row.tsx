import { useState } from 'preact/hooks'
import { useAct } from '../act.ts'
import { call } from '../api.ts'
import { ago, moment, say } from '../words.ts'
import { Confirm } from './confirm.tsx'
import { Deliveries } from './deliveries.tsx'
import { Dialog } from './dialog.tsx'
import { ShownSecret } from './shown-secret.tsx'
import { Problem, When } from './states.tsx'
import { toast } from './toast.tsx'

export interface Webhook {
  readonly id: string
  readonly url: string
  /** Null for all. */
  readonly events: readonly string[] | null
  readonly status: 'active' | 'paused'
  readonly paused_by: string | null
  readonly failing_since: string | null
  readonly former_secret_until: string | null
}

interface WebhookRowProps {
  readonly of: Webhook
  readonly reload: () => Promise<void>
}

/** One endpoint: where it is, whether it takes what it is sent, and what can be done with it. */
export function WebhookRow({ of: webhook, reload }: WebhookRowProps) {
  const [secret, setSecret] = useState<string | null>(null)
  const [looks, setLooks] = useState(0)
  const { busy, failure, act } = useAct()
  const path = `/v1/admin/webhooks/${webhook.id}`
  const isPaused = webhook.status === 'paused'
  const hold = async () => {
    await call('PATCH', path, { paused: !isPaused })
    await reload()
  }
  const test = async () => {
    await call('POST', `${path}/test`)
    toast(say('webhookTested'))
    setLooks(looks + 1)
  }
  const rotate = async () => {
    const made = await call<{ secret: string }>('POST', `${path}/rotate`, {})
    setSecret(made.secret)
    await reload()
  }
  const remove = async () => {
    await call('DELETE', path)
    toast(say('removed', { name: webhook.url }))
    await reload()
  }
  const button = (label: string, work: () => Promise<void>) => (
    <button type="button" class="button quiet small" disabled={busy} onClick={() => void act(work)}>
      {label}
    </button>
  )
  return (
    <li class="stack tight">
      <div class="row">
        <h3 class="breaks">{webhook.url}</h3>
        <span class={`badge ${isPaused ? 'warn' : 'good'}`}>{say(`status.${webhook.status}`)}</span>
      </div>
      <Facts of={webhook} />
      <div class="row">
        {button(say('test'), test)}
        {button(say(isPaused ? 'resume' : 'pause'), hold)}
        <Confirm
          opens={say('rotate')}
          title={say('webhookRotateTitle')}
          button={say('rotate')}
          act={rotate}
        >
          <p>{say('webhookRotateLead')}</p>
        </Confirm>
        <Confirm
          opens={say('remove')}
          title={say('webhookRemoveTitle')}
          button={say('remove')}
          tone="danger"
          act={remove}
        >
          <p>{say('webhookRemoveLead', { name: webhook.url })}</p>
        </Confirm>
      </div>
      <Problem cause={failure} />
      <Deliveries key={looks} path={path} open={looks > 0} />
      {secret && (
        <Dialog title={say('webhookSecret')} onClose={() => setSecret(null)}>
          <ShownSecret secret={secret} onClose={() => setSecret(null)} />
        </Dialog>
      )}
    </li>
  )
}

const pausers = {
  admin: 'webhookPaused.admin',
  failures: 'webhookPaused.failures',
  gone: 'webhookPaused.gone',
  restore: 'webhookPaused.restore',
} as const

function Facts({
  of: { events, paused_by, failing_since, former_secret_until },
}: Pick<WebhookRowProps, 'of'>) {
  const why = pausers[paused_by as keyof typeof pausers]
  return (
    <div class="facts">
      <span class="breaks">{events ? events.join(', ') : say('allEvents')}</span>
      {why && <span>{say(why)}</span>}
      {failing_since && (
        <When iso={failing_since} text={say('failingSince', { when: ago(failing_since) })} />
      )}
      {former_secret_until && (
        <span>{say('formerSecret', { when: moment(former_secret_until) })}</span>
      )}
    </div>
  )
}
