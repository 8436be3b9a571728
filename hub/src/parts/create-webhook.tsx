import { useState } from 'preact/hooks'
import { call } from '../api.ts'
import { say } from '../words.ts'
import { Dialog } from './dialog.tsx'
import { Form, Input } from './form.tsx'
import { ShownSecret } from './shown-secret.tsx'

/** Has events sent to an address; its secret is shown this once. */
export function CreateWebhook({ reload }: { readonly reload: () => Promise<void> }) {
  const [asking, setAsking] = useState(false)
  const [secret, setSecret] = useState<string | null>(null)
  const close = () => {
    setAsking(false)
    setSecret(null)
  }
  return (
    <>
      <button type="button" class="button small" onClick={() => setAsking(true)}>
        {say('addWebhook')}
      </button>
      {asking && (
        <Dialog title={say(secret ? 'webhookSecret' : 'addWebhookTitle')} onClose={close}>
          {secret ? (
            <ShownSecret secret={secret} onClose={close} />
          ) : (
            <Form
              button={say('addWebhook')}
              onCancel={close}
              submit={async ({ url = '', events = '' }) => {
                const types = events.split(/[\s,]+/).filter(Boolean)
                const wish = { url, ...(types.length > 0 ? { events: types } : {}) }
                const made = await call<{ secret: string }>('POST', '/v1/admin/webhooks', wish)
                setSecret(made.secret)
                await reload()
              }}
            >
              <Input
                name="url"
                label={say('webhookUrl')}
                hint={say('webhookUrlHint')}
                maxLength={500}
                focus
              />
              <Input
                name="events"
                label={say('webhookEvents')}
                hint={say('webhookEventsHint')}
                maxLength={1000}
                optional
              />
            </Form>
          )}
        </Dialog>
      )}
    </>
  )
}
