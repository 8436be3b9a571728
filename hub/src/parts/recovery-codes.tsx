import { useState } from 'preact/hooks'
import { useAct } from '../act.ts'
import { call } from '../api.ts'
import type { FactorProps } from '../pages/security.tsx'
import { say } from '../words.ts'
import { Copy } from './copy.tsx'
import { Dialog } from './dialog.tsx'
import { Form } from './form.tsx'
import { Section } from './section.tsx'
import { Problem } from './states.tsx'

/** Codes on paper for the day on which the mailbox and the app are gone. */
export function RecoveryCodes({ factors, reload }: FactorProps) {
  const [shown, setShown] = useState<'asking' | readonly string[] | null>(null)
  const { busy, failure, act } = useAct()
  const left = factors.recovery_codes_left
  const close = () => setShown(null)
  const make = async () => {
    const made = await call<{ recovery_codes: string[] }>('POST', '/v1/user/factors/recovery-codes')
    setShown(made.recovery_codes)
    await reload()
  }
  return (
    <Section
      title={say('recoveryCodes')}
      lead={left ? say('recoveryLeft', { count: left }) : say('recoveryNone')}
      action={
        <button
          type="button"
          class="button quiet small"
          disabled={busy}
          onClick={() => (left ? setShown('asking') : void act(make))}
        >
          {say(left ? 'newCodes' : 'makeCodes')}
        </button>
      }
    >
      <Problem cause={failure} />
      {shown && (
        <Dialog title={say('recoveryCodes')} onClose={close}>
          {shown === 'asking' ? (
            <Form button={say('newCodes')} onCancel={close} submit={make}>
              <p>{say('newCodesLead')}</p>
            </Form>
          ) : (
            <Codes text={shown.join('\n')} onClose={close} />
          )}
        </Dialog>
      )}
    </Section>
  )
}

function Codes({ text, onClose }: { readonly text: string; readonly onClose: () => void }) {
  return (
    <>
      <p>{say('recoveryOnce')}</p>
      <code class="secret" style={{ whiteSpace: 'pre-line' }}>
        {text}
      </code>
      <div class="row">
        <Copy text={text} />
        <button type="button" class="button" onClick={onClose}>
          {say('storedCodes')}
        </button>
      </div>
    </>
  )
}
