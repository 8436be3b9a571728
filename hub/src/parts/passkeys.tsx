import { useState } from 'preact/hooks'
import { useAct } from '../act.ts'
import { call } from '../api.ts'
import type { FactorProps } from '../pages/security.tsx'
import { ago, day, say } from '../words.ts'
import { Dialog } from './dialog.tsx'
import { Form, Input } from './form.tsx'
import { Section } from './section.tsx'
import { Problem } from './states.tsx'
import { toast } from './toast.tsx'

const isPossible = 'PublicKeyCredential' in globalThis

export function Passkeys({ factors, reload }: FactorProps) {
  const [adding, setAdding] = useState(false)
  const { failure, act } = useAct()
  const remove = (id: string, name: string) =>
    act(async () => {
      await call('DELETE', `/v1/user/factors/passkeys/${id}`)
      toast(say('removed', { name }))
      await reload()
    })
  const add = isPossible && (
    <button type="button" class="button quiet small" onClick={() => setAdding(true)}>
      {say('addPasskey')}
    </button>
  )
  return (
    <Section title={say('passkeys')} lead={say('passkeysLead')} action={add}>
      <Problem cause={failure} />
      {factors.passkeys.length > 0 && (
        <ul class="list">
          {factors.passkeys.map((passkey) => (
            <li class="row apart" key={passkey.id}>
              <div class="stack tight">
                <h3>{passkey.name}</h3>
                <div class="facts">
                  <span>{say('since', { when: day(passkey.created_at) })}</span>
                  <span>
                    {passkey.last_used_at
                      ? say('lastUsed', { when: ago(passkey.last_used_at) })
                      : say('neverUsed')}
                  </span>
                </div>
              </div>
              <button
                type="button"
                class="button quiet small"
                onClick={() => remove(passkey.id, passkey.name)}
              >
                {say('remove')}
              </button>
            </li>
          ))}
        </ul>
      )}
      {adding && <Add onClose={() => setAdding(false)} reload={reload} />}
    </Section>
  )
}

interface AddProps {
  readonly onClose: () => void
  readonly reload: () => Promise<void>
}

function Add({ onClose, reload }: AddProps) {
  return (
    <Dialog title={say('addPasskey')} onClose={onClose}>
      <Form
        button={say('addPasskey')}
        onCancel={onClose}
        submit={async ({ name = '' }) => {
          await call('POST', '/v1/user/factors/passkeys', { name, passkey: await makePasskey() })
          toast(say('added', { name }))
          await reload()
          onClose()
        }}
      >
        <p>{say('addPasskeyLead')}</p>
        <Input name="name" label={say('keyName')} maxLength={64} />
      </Form>
    </Dialog>
  )
}

/** What the browser made of the server's options, as JSON (WebAuthn level 3, section 5.1.8). */
async function makePasskey(): Promise<unknown> {
  const options = await call<PublicKeyCredentialCreationOptionsJSON>(
    'POST',
    '/v1/user/factors/passkeys/options',
  )
  const publicKey = PublicKeyCredential.parseCreationOptionsFromJSON(options)
  const made = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential
  return made.toJSON()
}
