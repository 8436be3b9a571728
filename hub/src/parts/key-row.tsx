import { useState } from 'preact/hooks'
import type { ApiKey } from '../pages/keys.tsx'
import { ago, day, say } from '../words.ts'
import { Dialog } from './dialog.tsx'
import { Problem, When } from './states.tsx'

const DAY_MS = 86_400_000
const tones = { active: 'good', paused: 'warn', expired: 'warn', revoked: '' } as const

interface KeyRowProps {
  readonly of: ApiKey
  readonly revoke: (key: ApiKey) => Promise<void>
}

/** One key: which it is, whether it works, when it was used and when it ends. */
export function KeyRow({ of: key, revoke }: KeyRowProps) {
  const [asking, setAsking] = useState(false)
  return (
    <li class="row apart">
      <div class="stack tight">
        <div class="row">
          <h3>{key.name}</h3>
          <span class={`badge ${tones[key.status]}`}>{say(`status.${key.status}`)}</span>
        </div>
        <div class="facts">
          <span class="mono">
            {key.prefix}…{key.last4}
          </span>
          <span>{key.scopes.join(', ')}</span>
          <span>
            {key.last_used_at ? (
              <When
                iso={key.last_used_at}
                text={say('lastUsed', { when: ago(key.last_used_at) })}
              />
            ) : (
              say('neverUsed')
            )}
          </span>
          <span>
            {key.expires_at ? (
              <When iso={key.expires_at} text={say('ends', { when: day(key.expires_at) })} />
            ) : (
              say('neverEnds')
            )}
          </span>
        </div>
      </div>
      {key.status !== 'revoked' && (
        <button type="button" class="button quiet small" onClick={() => setAsking(true)}>
          {say('revoke')}
        </button>
      )}
      {asking && <Revoke of={key} revoke={revoke} onClose={() => setAsking(false)} />}
    </li>
  )
}

/** A key that was used in the last day is in use somewhere: its name has to be typed. */
function Revoke({ of: key, revoke, onClose }: KeyRowProps & { readonly onClose: () => void }) {
  const [typed, setTyped] = useState('')
  const [cause, setCause] = useState<unknown>(null)
  const inUse = Date.now() - Date.parse(key.last_used_at ?? '') < DAY_MS
  const submit = async (event: Event) => {
    event.preventDefault()
    try {
      await revoke(key)
      onClose()
    } catch (failure) {
      setCause(failure)
    }
  }
  return (
    <Dialog title={say('revokeTitle', { name: key.name })} onClose={onClose}>
      <form class="stack" onSubmit={submit}>
        <p>{say('revokeLead')}</p>
        {inUse && (
          <div class="field">
            <label for="revoke-name">{say('typeName', { name: key.name })}</label>
            <input
              id="revoke-name"
              value={typed}
              autocomplete="off"
              onInput={(event) => setTyped(event.currentTarget.value)}
            />
          </div>
        )}
        <Problem cause={cause} />
        <div class="row">
          <button class="button danger" type="submit" disabled={inUse && typed !== key.name}>
            {say('revoke')}
          </button>
          <button class="button quiet" type="button" onClick={onClose}>
            {say('cancel')}
          </button>
        </div>
      </form>
    </Dialog>
  )
}
