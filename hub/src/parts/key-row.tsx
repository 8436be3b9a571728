import { useState } from 'preact/hooks'
import { useAct } from '../act.ts'
import { call } from '../api.ts'
import type { ApiKey } from '../pages/keys.tsx'
import { ago, day, number, say } from '../words.ts'
import { Dialog } from './dialog.tsx'
import { Form } from './form.tsx'
import { nameOfLimit } from './limits.tsx'
import { RevokeKey } from './revoke-key.tsx'
import { type NewKey, ShownKey } from './shown-key.tsx'
import { Problem, When } from './states.tsx'
import { toast } from './toast.tsx'

const tones = { active: 'good', paused: 'warn', expired: 'warn', revoked: '' } as const

interface KeyRowProps {
  readonly of: ApiKey
  readonly reload: () => Promise<void>
}

/** One key: which it is, whether it works, when it was used and when it ends; and what can be done with it. */
export function KeyRow({ of: key, reload }: KeyRowProps) {
  const [asking, setAsking] = useState<'revoke' | 'rotate' | null>(null)
  const { busy, failure, act } = useAct()
  const close = () => setAsking(null)
  // A key that another key made goes as that one goes.
  const isOwn = key.parent_id === null
  const hold = (verb: 'pause' | 'resume') =>
    act(async () => {
      await call('POST', `/v1/api-keys/${key.id}/${verb}`)
      toast(say(verb === 'pause' ? 'keyPaused' : 'keyResumed', { name: key.name }))
      await reload()
    })
  const button = (label: string, onClick: () => void) => (
    <button type="button" class="button quiet small" disabled={busy} onClick={onClick}>
      {label}
    </button>
  )
  return (
    <li class="stack tight">
      <div class="row apart">
        <div class="row">
          <h2 class="breaks">{key.name}</h2>
          <span class={`badge ${tones[key.status]}`}>{say(`status.${key.status}`)}</span>
        </div>
        {key.status !== 'revoked' && (
          <div class="row">
            {isOwn && key.status === 'active' && (
              <>
                {button(say('rotate'), () => setAsking('rotate'))}
                {button(say('pause'), () => void hold('pause'))}
              </>
            )}
            {isOwn && key.status === 'paused' && button(say('resume'), () => void hold('resume'))}
            {button(say('revoke'), () => setAsking('revoke'))}
          </div>
        )}
      </div>
      <Facts of={key} />
      <Problem cause={failure} />
      {key.old_secret && <Callers of={key.old_secret} />}
      {asking === 'revoke' && <RevokeKey of={key} onClose={close} reload={reload} />}
      {asking === 'rotate' && <Rotate of={key} onClose={close} reload={reload} />}
    </li>
  )
}

function Facts({ of: key }: { readonly of: ApiKey }) {
  const set = Object.entries(key.limits).filter(([, value]) => value !== null)
  return (
    <div class="facts">
      <span class="mono">
        {key.prefix}…{key.last4}
      </span>
      <span>{key.scopes.join(', ')}</span>
      {key.models && <span class="breaks">{key.models.join(', ')}</span>}
      {key.networks && <span class="breaks">{key.networks.join(', ')}</span>}
      {set.map(([name, value]) => (
        <span key={name}>
          {number(value ?? 0)} {nameOfLimit(name)}
        </span>
      ))}
      <span>
        {key.last_used_at ? (
          <When
            iso={key.last_used_at}
            text={`${say('lastUsed', { when: ago(key.last_used_at) })}, ${key.last_used_network}, ${key.last_used_client}`}
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
  )
}

/** Who still uses the secret that the key had before: when the list is empty, it is safe to let it go. */
function Callers({ of: old }: { readonly of: NonNullable<ApiKey['old_secret']> }) {
  return (
    <div class="notice warn stack tight">
      <p>
        {say(old.callers.length ? 'oldInUse' : 'oldSilent', {
          secret: `${old.prefix}…${old.last4}`,
          when: day(old.ends_at),
        })}
      </p>
      {old.callers.length > 0 && (
        <ul class="stack tight small">
          {old.callers.map((caller) => (
            <li key={`${caller.network} ${caller.client}`} class="breaks">
              {caller.network}, {caller.client}, {ago(caller.last_seen_at)},{' '}
              {say('callsCounted', { calls: number(caller.calls) })}
            </li>
          ))}
        </ul>
      )}
    </div>
  )
}

interface RotateProps extends KeyRowProps {
  readonly onClose: () => void
}

const overlaps = [0, 1, 7, 30] as const

/** Another secret for the key, while the old one goes on for a while. */
function Rotate({ of: key, onClose, reload }: RotateProps) {
  const [made, setMade] = useState<NewKey | null>(null)
  const close = () => {
    onClose()
    void reload()
  }
  return (
    <Dialog title={say('rotateTitle', { name: key.name })} onClose={close}>
      {made ? (
        <ShownKey made={made} onClose={close} />
      ) : (
        <Form
          button={say('rotate')}
          onCancel={onClose}
          submit={async ({ overlap }) => {
            const body = { overlap_days: Number(overlap) }
            setMade(await call<NewKey>('POST', `/v1/api-keys/${key.id}/rotate`, body))
          }}
        >
          <p>{say('rotateLead')}</p>
          <div class="field">
            <label for="overlap">{say('oldEnds')}</label>
            <select id="overlap" name="overlap">
              {overlaps.map((days) => (
                <option value={days} key={days} selected={days === 7}>
                  {days ? say('inDays', { days }) : say('atOnce')}
                </option>
              ))}
            </select>
          </div>
        </Form>
      )}
    </Dialog>
  )
}
