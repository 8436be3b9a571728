import { call } from '../api.ts'
import { say } from '../words.ts'
import { Form, Input } from './form.tsx'
import { Section } from './section.tsx'
import { toast } from './toast.tsx'

/** Another password: every other session ends. */
export function Password({ email }: { readonly email: string }) {
  return (
    <Section title={say('password')} lead={say('passwordLead')}>
      <Form
        class="card"
        button={say('changePassword')}
        submit={async ({ current_password, new_password }, form) => {
          const body = { current_password, new_password, confirm_password: new_password }
          await call('PUT', '/v1/auth/password/update', body)
          form.reset()
          toast(say('passwordChanged'))
        }}
      >
        {/* For password managers, which keep a password with its name. */}
        <input type="text" autocomplete="username" value={email} readOnly hidden />
        <Input
          name="current_password"
          label={say('currentPassword')}
          type="password"
          autocomplete="current-password"
        />
        <Input
          name="new_password"
          label={say('newPassword')}
          type="password"
          autocomplete="new-password"
        />
      </Form>
    </Section>
  )
}
