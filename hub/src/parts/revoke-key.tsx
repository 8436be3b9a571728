import { useState } from 'preact/hooks'
import { useAct } from '../act.ts'
import { call } from '../api.ts'
import type { ApiKey } from '../pages/keys.tsx'
import { say } from '../words.ts'
import { Dialog } from './dialog.tsx'
import { Problem } from './states.tsx'
import { toast } from './toast.tsx'

const DAY_MS = 86_400_000

interface RevokeKeyProps {
  readonly of: ApiKey
  readonly onClose: () => void
  readonly reload: () => Promise<void>
}

/** A key that was used in the last day is in use somewhere: its name has to be typed. */
export function RevokeKey({ of: key, onClose, reload }: RevokeKeyProps) {
  const [typed, setTyped] = useState('')
  const { busy, failure, act } = useAct()
  const inUse = Date.now() - Date.parse(key.last_used_at ?? '') < DAY_MS
  const submit = (event: Event) => {
    event.preventDefault()
    void act(async () => {
      await call('DELETE', `/v1/api-keys/${key.id}`)
      toast(say('keyRevoked', { name: key.name }))
      await reload()
      onClose()
    })
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
        <Problem cause={failure} />
        <div class="row">
          <button
            class="button danger"
            type="submit"
            disabled={busy || (inUse && typed !== key.name)}
          >
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
