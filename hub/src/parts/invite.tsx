import { useState } from 'preact/hooks'
import { call } from '../api.ts'
import { day, say } from '../words.ts'
import { Dialog } from './dialog.tsx'
import { Form, Input } from './form.tsx'
import { toast } from './toast.tsx'

/** Mails somebody an invitation to register. */
export function Invite() {
  const [asking, setAsking] = useState(false)
  const close = () => setAsking(false)
  return (
    <>
      <button type="button" class="button small" onClick={() => setAsking(true)}>
        {say('invite')}
      </button>
      {asking && (
        <Dialog title={say('inviteTitle')} onClose={close}>
          <Form
            button={say('invite')}
            onCancel={close}
            submit={async ({ email = '' }) => {
              const made = await call<{ email: string; expires_at: string }>(
                'POST',
                '/v1/admin/invitations',
                { email },
              )
              toast(say('invitedUntil', { name: made.email, when: day(made.expires_at) }))
              close()
            }}
          >
            <p>{say('inviteLead')}</p>
            <Input name="email" type="email" label={say('email')} maxLength={320} focus />
          </Form>
        </Dialog>
      )}
    </>
  )
}
