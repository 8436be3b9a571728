import { useLoad } from '../load.ts'
import { say } from '../words.ts'
import { CreateWebhook } from './create-webhook.tsx'
import { Section } from './section.tsx'
import { Ready } from './states.tsx'
import { type Webhook, WebhookRow } from './webhook-row.tsx'

/** Where events are sent, and how that goes. */
export function AdminWebhooks() {
  const webhooks = useLoad<{ data: readonly Webhook[] }>('/v1/admin/webhooks')
  const button = <CreateWebhook reload={webhooks.reload} />
  return (
    <Section title={say('webhooks')} lead={say('webhooksLead')} action={button}>
      <Ready of={webhooks}>
        {({ data }) =>
          data.length === 0 ? (
            <p class="quiet-text">{say('noWebhooks')}</p>
          ) : (
            <ul class="list">
              {data.map((each) => (
                <WebhookRow key={each.id} of={each} reload={webhooks.reload} />
              ))}
            </ul>
          )
        }
      </Ready>
    </Section>
  )
}
