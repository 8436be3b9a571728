import { useState } from 'preact/hooks'
import { useAct } from '../act.ts'
import { call } from '../api.ts'
import type { FactorProps } from '../pages/security.tsx'
import { say } from '../words.ts'
import { Copy } from './copy.tsx'
import { Dialog } from './dialog.tsx'
import { Section } from './section.tsx'
import { Problem } from './states.tsx'

/** Codes on paper for the day on which the mailbox and the app are gone. */
export function RecoveryCodes({ factors, reload }: FactorProps) {
  const [codes, setCodes] = useState<readonly string[] | null>(null)
  const { busy, failure, act } = useAct()
  const left = factors.recovery_codes_left
  const make = () =>
    act(async () => {
      const made = await call<{ recovery_codes: string[] }>(
        'POST',
        '/v1/user/factors/recovery-codes',
      )
      setCodes(made.recovery_codes)
      await reload()
    })
  const text = codes?.join('\n') ?? ''
  return (
    <Section
      title={say('recoveryCodes')}
      lead={left ? say('recoveryLeft', { count: left }) : say('recoveryNone')}
      action={
        <button type="button" class="button quiet small" disabled={busy} onClick={make}>
          {say(left ? 'newCodes' : 'makeCodes')}
        </button>
      }
    >
      <Problem cause={failure} />
      {codes && (
        <Dialog title={say('recoveryCodes')} onClose={() => setCodes(null)}>
          <p>{say('recoveryOnce')}</p>
          <code class="secret" style={{ whiteSpace: 'pre-line' }}>
            {text}
          </code>
          <div class="row">
            <Copy text={text} />
            <button type="button" class="button" onClick={() => setCodes(null)}>
              {say('storedCodes')}
            </button>
          </div>
        </Dialog>
      )}
    </Section>
  )
}
