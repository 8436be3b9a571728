import { useAct } from '../act.ts'
import { call } from '../api.ts'
import { say } from '../words.ts'
import { Section } from './section.tsx'
import { Problem } from './states.tsx'
import { toast } from './toast.tsx'

/** Another password: every other session ends. */
export function Password({ email }: { readonly email: string }) {
  const { busy, failure, act } = useAct()
  const submit = (event: SubmitEvent) => {
    event.preventDefault()
    const form = event.target as HTMLFormElement
    const fields = new FormData(form)
    const new_password = fields.get('new_password')
    void act(async () => {
      await call('PUT', '/v1/auth/password/update', {
        current_password: fields.get('current_password'),
        new_password,
        confirm_password: new_password,
      })
      form.reset()
      toast(say('passwordChanged'))
    })
  }
  return (
    <Section title={say('password')} lead={say('passwordLead')}>
      <form class="card stack" onSubmit={submit}>
        {/* For password managers, which keep a password with its name. */}
        <input type="text" autocomplete="username" value={email} readOnly hidden />
        <div class="field">
          <label for="current-password">{say('currentPassword')}</label>
          <input
            id="current-password"
            name="current_password"
            type="password"
            autocomplete="current-password"
            required
            maxLength={256}
          />
        </div>
        <div class="field">
          <label for="new-password">{say('newPassword')}</label>
          <input
            id="new-password"
            name="new_password"
            type="password"
            autocomplete="new-password"
            required
            maxLength={256}
          />
        </div>
        <Problem cause={failure} />
        <div class="row">
          <button type="submit" class="button" disabled={busy}>
            {say('changePassword')}
          </button>
        </div>
      </form>
    </Section>
  )
}
