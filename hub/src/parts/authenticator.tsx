import { useEffect, useState } from 'preact/hooks'
import { useAct } from '../act.ts'
import { call } from '../api.ts'
import type { FactorProps } from '../pages/security.tsx'
import { day, say } from '../words.ts'
import { CodeInput, digitsOf } from './code-input.tsx'
import { Copy } from './copy.tsx'
import { Dialog } from './dialog.tsx'
import { Form } from './form.tsx'
import { Section } from './section.tsx'
import { Problem } from './states.tsx'
import { toast } from './toast.tsx'

interface NewTotp {
  readonly secret: string
  readonly uri: string
}

/** An authenticator app (RFC 6238): added with a QR code, and only once its code was typed. */
export function Authenticator({ factors, reload }: FactorProps) {
  const [begun, setBegun] = useState<NewTotp | null>(null)
  const { busy, failure, act } = useAct()
  const begin = () =>
    act(async () => setBegun(await call<NewTotp>('POST', '/v1/user/factors/totp')))
  const remove = () =>
    act(async () => {
      await call('DELETE', '/v1/user/factors/totp')
      toast(say('removed', { name: say('authenticator') }))
      await reload()
    })
  const { totp_since } = factors
  return (
    <Section
      title={say('authenticator')}
      lead={
        totp_since ? say('authenticatorSince', { when: day(totp_since) }) : say('authenticatorLead')
      }
      action={
        <button
          type="button"
          class="button quiet small"
          disabled={busy}
          onClick={totp_since ? remove : begin}
        >
          {say(totp_since ? 'remove' : 'addApp')}
        </button>
      }
    >
      <Problem cause={failure} />
      {begun && <Confirm begun={begun} reload={reload} onClose={() => setBegun(null)} />}
    </Section>
  )
}

interface ConfirmProps {
  readonly begun: NewTotp
  readonly reload: () => Promise<void>
  readonly onClose: () => void
}

function Confirm({ begun, reload, onClose }: ConfirmProps) {
  return (
    <Dialog title={say('addApp')} onClose={onClose}>
      <Form
        button={say('confirm')}
        onCancel={onClose}
        submit={async ({ code }) => {
          const verification_code = digitsOf(code)
          await call('POST', '/v1/user/factors/totp/confirm', { verification_code })
          toast(say('added', { name: say('authenticator') }))
          await reload()
          onClose()
        }}
      >
        <p>{say('scanLead')}</p>
        <Picture text={begun.uri} />
        <div class="row">
          <code class="small">{begun.secret}</code>
          <Copy text={begun.secret} />
        </div>
        <CodeInput label={say('appCode')} />
      </Form>
    </Dialog>
  )
}

/** A QR code, drawn as one path; black on white also in the dark, since cameras expect that. */
function Picture({ text }: { readonly text: string }) {
  const [rows, setRows] = useState<readonly (readonly boolean[])[]>([])
  useEffect(() => {
    void import('uqr').then(({ encode }) => setRows(encode(text, { border: 2 }).data))
  }, [text])
  const path = rows
    .flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : '')))
    .join('')
  return (
    <svg
      viewBox={`0 0 ${rows.length || 1} ${rows.length || 1}`}
      width="200"
      height="200"
      role="img"
      aria-label={say('qrCode')}
      shape-rendering="crispEdges"
      style={{ background: '#fff', borderRadius: '8px' }}
    >
      <path d={path} fill="#000" />
    </svg>
  )
}
