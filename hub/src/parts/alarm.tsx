import { useState } from 'preact/hooks'
import { call } from '../api.ts'
import type { ApiKey } from '../pages/keys.tsx'
import { say } from '../words.ts'
import { Dialog } from './dialog.tsx'
import { Form } from './form.tsx'
import { Section } from './section.tsx'
import { toast } from './toast.tsx'

/** When something is wrong: everything but this session stops at once. Keys are paused, so that they can go on. */
export function Alarm({ onDone }: { readonly onDone: () => void }) {
  const [asking, setAsking] = useState(false)
  const button = (
    <button type="button" class="button danger small" onClick={() => setAsking(true)}>
      {say('alarm')}
    </button>
  )
  return (
    <Section title={say('alarmTitle')} lead={say('alarmLead')} action={button}>
      {asking && (
        <Dialog title={say('alarm')} onClose={() => setAsking(false)}>
          <Form
            button={say('alarm')}
            tone="danger"
            onCancel={() => setAsking(false)}
            submit={async () => {
              const { deleted } = await call<{ deleted: number }>('DELETE', '/v1/auth/sessions')
              const paused = await pauseAll()
              toast(say('alarmDone', { sessions: deleted, keys: paused }))
              setAsking(false)
              onDone()
            }}
          >
            <p>{say('alarmAsk')}</p>
          </Form>
        </Dialog>
      )}
    </Section>
  )
}

async function pauseAll(): Promise<number> {
  const { data } = await call<{ data: readonly ApiKey[] }>('GET', '/v1/api-keys?limit=100')
  const active = data.filter(({ status }) => status === 'active')
  for (const { id } of active) await call('POST', `/v1/api-keys/${id}/pause`)
  return active.length
}
