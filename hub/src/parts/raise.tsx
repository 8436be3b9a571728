import { useState } from 'preact/hooks'
import { call } from '../api.ts'
import { moment, number, say } from '../words.ts'
import { CodeInput, digitsOf } from './code-input.tsx'
import { Form } from './form.tsx'
import { nameOfLimit } from './limits.tsx'
import { toast } from './toast.tsx'

interface Raised {
  readonly email_key: string
  readonly amount: number
  readonly unit: string
}

interface RaiseProps {
  readonly nameOf: (key: string | null) => string
  readonly onGranted: () => Promise<void>
}

/** Where the approval link of a refused call leads: the key's owner lets it spend more for a day, by a mailed code. */
export function Raise({ nameOf, onGranted }: RaiseProps) {
  const asked = new URLSearchParams(location.search)
  const [open, setOpen] = useState(true)
  const [begun, setBegun] = useState<Raised | null>(null)
  const key = asked.get('raise')
  const limit = asked.get('limit')
  if (!key || !limit || !open) return null
  const close = () => {
    history.replaceState(null, '', location.pathname)
    setOpen(false)
  }
  if (!begun) {
    const values = { key: nameOf(key), limit: nameOfLimit(limit) }
    return (
      <Form
        class="card"
        button={say('sendCode')}
        onCancel={close}
        submit={async () => setBegun(await call<Raised>('POST', '/v1/usage/raise', { key, limit }))}
      >
        <h2>{say('raiseTitle')}</h2>
        <p>{say('raiseLead', values)}</p>
      </Form>
    )
  }
  const amount = begun.unit === 'millionths' ? begun.amount / 1_000_000 : begun.amount
  return (
    <Form
      class="card"
      button={say('raise')}
      onCancel={close}
      submit={async ({ code }) => {
        const verification_code = digitsOf(code)
        const body = { email_key: begun.email_key, verification_code }
        const { expires_at } = await call<{ expires_at: string }>(
          'POST',
          '/v1/usage/raise/verify',
          body,
        )
        toast(say('raised', { when: moment(expires_at) }))
        close()
        await onGranted()
      }}
    >
      <h2>{say('raiseTitle')}</h2>
      <p>{say('raiseCode', { amount: number(amount) })}</p>
      <CodeInput />
    </Form>
  )
}
