import { useState } from 'preact/hooks'
import { useList } from '../load.ts'
import { CreateKey } from '../parts/create-key.tsx'
import { KeyRow } from '../parts/key-row.tsx'
import { Ready } from '../parts/states.tsx'
import { say } from '../words.ts'

/** A key as `GET /v1/api-keys` tells it. */
export interface ApiKey {
  readonly id: string
  readonly name: string
  readonly prefix: string
  readonly last4: string
  readonly scopes: readonly string[]
  readonly models: readonly string[] | null
  readonly networks: readonly string[] | null
  readonly limits: Readonly<Record<string, number | null>>
  readonly status: 'active' | 'paused' | 'expired' | 'revoked'
  /** The key that made it. */
  readonly parent_id: string | null
  readonly created_at: string
  readonly expires_at: string | null
  readonly last_used_at: string | null
  readonly last_used_network: string | null
  readonly last_used_client: string | null
  /** The secret before this one, while it opens. */
  readonly old_secret: {
    readonly prefix: string
    readonly last4: string
    readonly ends_at: string
    readonly callers: readonly {
      readonly network: string
      readonly client: string
      readonly last_seen_at: string
      readonly calls: number
    }[]
  } | null
}

/** Where people make, watch and end their keys. */
export function KeysPage() {
  const keys = useList<ApiKey>('/v1/api-keys')
  const [creating, setCreating] = useState(false)
  const create = (
    <button type="button" class="button" onClick={() => setCreating(true)}>
      {say('createKey')}
    </button>
  )
  return (
    <>
      <div class="page-head">
        <h1>{say('keys')}</h1>
        {keys.value?.length ? create : null}
        <p>{say('keysLead')}</p>
      </div>
      <Ready of={keys}>
        {(data) =>
          data.length === 0 ? (
            <div class="empty">
              <h2>{say('noKeys')}</h2>
              <p>{say('noKeysLead')}</p>
              {create}
            </div>
          ) : (
            <ul class="list">
              {data.map((key) => (
                <KeyRow key={key.id} of={key} reload={keys.reload} />
              ))}
            </ul>
          )
        }
      </Ready>
      {creating && (
        <CreateKey
          onClose={() => {
            setCreating(false)
            void keys.reload()
          }}
        />
      )}
    </>
  )
}
