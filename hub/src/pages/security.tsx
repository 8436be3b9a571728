import { useLoad } from '../load.ts'
import type { PageProps } from '../pages.ts'
import { Authenticator } from '../parts/authenticator.tsx'
import { Passkeys } from '../parts/passkeys.tsx'
import { Password } from '../parts/password.tsx'
import { RecoveryCodes } from '../parts/recovery-codes.tsx'
import { Sessions } from '../parts/sessions.tsx'
import { Ready } from '../parts/states.tsx'
import { say } from '../words.ts'

/** The ways of a person to pass the second step, as `GET /v1/user/factors` tells them. */
export interface Factors {
  readonly totp_since: string | null
  readonly recovery_codes_left: number
  readonly passkeys: readonly {
    readonly id: string
    readonly name: string
    readonly created_at: string
    readonly last_used_at: string | null
  }[]
}

/** A part of the page that changes the factors, and then reads them anew. */
export interface FactorProps {
  readonly factors: Factors
  readonly reload: () => Promise<void>
}

export function SecurityPage({ me }: PageProps) {
  const factors = useLoad<Factors>('/v1/user/factors')
  return (
    <>
      <div class="page-head">
        <h1>{say('security')}</h1>
        <p>{say('securityLead')}</p>
      </div>
      <Sessions />
      <Ready of={factors}>
        {(value) => (
          <div class="stack wide">
            <Passkeys factors={value} reload={factors.reload} />
            <Authenticator factors={value} reload={factors.reload} />
            <RecoveryCodes factors={value} reload={factors.reload} />
          </div>
        )}
      </Ready>
      <Password email={me?.email ?? ''} />
    </>
  )
}
