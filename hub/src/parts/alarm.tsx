import { useState } from 'preact/hooks'
import { call } from '../api.ts'
import { readAll } from '../load.ts'
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
    <button type="button" class="button quiet danger small" onClick={() => setAsking(true)}>
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

/** Every key that opens something; those that a key made stop with it. One that cannot be paused keeps none of the others. */
async function pauseAll(): Promise<number> {
  const keys = await readAll<ApiKey>('/v1/api-keys')
  const open = keys.filter(({ status, parent_id }) => status === 'active' && !parent_id)
  const failures: unknown[] = []
  for (const { id } of open) {
    await call('POST', `/v1/api-keys/${id}/pause`).catch((cause) => failures.push(cause))
  }
  if (failures.length) throw failures[0]
  return open.length
}
