import { useState } from 'preact/hooks'
import { useAct } from '../act.ts'
import { call } from '../api.ts'
import { useLoad } from '../load.ts'
import type { Me } from '../pages.ts'
import { CodeInput, digitsOf } from '../parts/code-input.tsx'
import { Dialog } from '../parts/dialog.tsx'
import { Form, Input } from '../parts/form.tsx'
import { Section } from '../parts/section.tsx'
import { Problem, Ready } from '../parts/states.tsx'
import { toast } from '../parts/toast.tsx'
import { say } from '../words.ts'

/** Who one is here: names, address, everything that is kept, and the way out. */
export function AccountPage() {
  const me = useLoad<Me>('/v1/user/me')
  return (
    <>
      <div class="page-head">
        <h1>{say('account')}</h1>
      </div>
      <Ready of={me}>
        {(value) => (
          <div class="stack wide">
            <Names me={value} put={me.put} />
            <Email me={value} reload={me.reload} />
            <Export />
            <Close me={value} />
          </div>
        )}
      </Ready>
    </>
  )
}

function Names({ me, put }: { readonly me: Me; readonly put: (me: Me) => void }) {
  return (
    <Section title={say('names')} lead={say('namesLead')}>
      <Form
        class="card"
        button={say('save')}
        submit={async ({ full_name, user_name }) => {
          const body = {
            full_name: full_name?.trim() || null,
            user_name: user_name?.trim() || null,
          }
          put(await call<Me>('PATCH', '/v1/user/me', body))
          toast(say('saved'))
        }}
      >
        <Input
          name="full_name"
          label={say('fullName')}
          value={me.full_name ?? ''}
          autocomplete="name"
          maxLength={64}
          optional
        />
        <Input
          name="user_name"
          label={say('userName')}
          hint={say('userNameHint')}
          value={me.username ?? ''}
          autocomplete="username"
          maxLength={100}
          optional
        />
      </Form>
    </Section>
  )
}

/** Password, then the code that went to the new address. */
function Email({ me, reload }: { readonly me: Me; readonly reload: () => Promise<void> }) {
  const [asked, setAsked] = useState<{ key: string; address: string } | null>(null)
  if (asked) {
    return (
      <Section title={say('email')} lead={say('newCodeLead', { email: asked.address })}>
        <Form
          class="card"
          button={say('confirm')}
          onCancel={() => setAsked(null)}
          submit={async ({ code }) => {
            const verification_code = digitsOf(code)
            await call('POST', '/v1/user/email/verify', { email_key: asked.key, verification_code })
            setAsked(null)
            toast(say('saved'))
            await reload()
          }}
        >
          <CodeInput />
        </Form>
      </Section>
    )
  }
  return (
    <Section title={say('email')} lead={say('emailLead', { email: me.email })}>
      <Form
        class="card"
        button={say('changeEmail')}
        submit={async ({ new_email = '', current_password }) => {
          const body = { new_email, current_password }
          const begun = await call<{ email_key: string }>('POST', '/v1/user/email', body)
          setAsked({ key: begun.email_key, address: new_email })
        }}
      >
        <Input name="new_email" label={say('newEmail')} type="email" autocomplete="email" />
        <Input
          name="current_password"
          label={say('currentPassword')}
          type="password"
          autocomplete="current-password"
        />
      </Form>
    </Section>
  )
}

function Export() {
  const { busy, failure, act } = useAct()
  const save = () =>
    act(async () => {
      const kept = await call<object>('GET', '/v1/user/export')
      const file = new Blob([JSON.stringify(kept, null, 2)], { type: 'application/json' })
      const link = document.createElement('a')
      link.href = URL.createObjectURL(file)
      link.download = 'freddy-export.json'
      link.click()
      URL.revokeObjectURL(link.href)
    })
  const button = (
    <button type="button" class="button quiet small" disabled={busy} onClick={save}>
      {say('download')}
    </button>
  )
  return (
    <Section title={say('export')} lead={say('exportLead')} action={button}>
      <Problem cause={failure} />
    </Section>
  )
}

function Close({ me }: { readonly me: Me }) {
  const [asking, setAsking] = useState(false)
  const button = (
    <button type="button" class="button quiet danger small" onClick={() => setAsking(true)}>
      {say('deleteAccount')}
    </button>
  )
  return (
    <Section title={say('closing')} lead={say('closeLead')} action={button}>
      {asking && (
        <Dialog title={say('deleteTitle', { email: me.email })} onClose={() => setAsking(false)}>
          <Form
            button={say('deleteAccount')}
            tone="danger"
            onCancel={() => setAsking(false)}
            submit={async ({ current_password }) => {
              await call('DELETE', '/v1/user/me', { current_password })
              location.assign('/sign-in?told=signedOut')
            }}
          >
            <p>{say('deleteLead')}</p>
            <Input
              name="current_password"
              label={say('currentPassword')}
              type="password"
              autocomplete="current-password"
            />
          </Form>
        </Dialog>
      )}
    </Section>
  )
}
