import { useState } from 'preact/hooks'
import { call } from '../api.ts'
import { useLoad } from '../load.ts'
import { Link } from '../route.tsx'
import { day, say } from '../words.ts'
import { Trail } from './admin-trail.tsx'
import { Badges, LastSignIn, type Person } from './admin-users.tsx'
import { Confirm } from './confirm.tsx'
import { PersonBudget } from './person-budget.tsx'
import { Section } from './section.tsx'
import { Ready, When } from './states.tsx'
import { toast } from './toast.tsx'

interface AdminPersonProps {
  readonly id: string
  /** Whether it is the admin who looks. */
  readonly isMe: boolean
}

/** One account: what it may spend, whether it is let in, and what was decided about it. */
export function AdminPerson({ id, isMe }: AdminPersonProps) {
  const person = useLoad<Person>(`/v1/admin/users/${id}`)
  // What is done here stands in the trail below, which is read anew.
  const [deeds, setDeeds] = useState(0)
  const onDone = () => setDeeds((before) => before + 1)
  return (
    <div class="stack wide">
      <p>
        <Link to="/hub/admin/users">← {say('people')}</Link>
      </p>
      <Ready of={person}>
        {(value) => (
          <>
            <Head of={value} />
            <PersonBudget id={id} onDone={onDone} />
            {isMe ? (
              <p class="quiet-text">{say('thisIsYou')}</p>
            ) : (
              <Access of={value} put={person.put} onDone={onDone} />
            )}
          </>
        )}
      </Ready>
      <Section title={say('trail')} lead={say('personTrailLead')}>
        <Trail key={deeds} query={new URLSearchParams({ user_id: id })} />
      </Section>
    </div>
  )
}

function Head({ of: person }: { readonly of: Person }) {
  return (
    <div class="stack tight">
      <div class="row">
        <h2 class="breaks">{person.email}</h2>
        <Badges of={person} />
      </div>
      <div class="facts">
        {person.full_name && <span>{person.full_name}</span>}
        {person.username && <span>{person.username}</span>}
        <LastSignIn of={person} />
        <When iso={person.created_at} text={say('since', { when: day(person.created_at) })} />
        <code class="breaks">{person.id}</code>
      </div>
    </div>
  )
}

interface AccessProps {
  readonly of: Person
  readonly put: (person: Person) => void
  readonly onDone: () => void
}

function Access({ of: person, put, onDone }: AccessProps) {
  const { id, email: name, is_active } = person
  const turn = async () => {
    put(await call<Person>('POST', `/v1/admin/users/${id}/${is_active ? 'disable' : 'enable'}`))
    toast(say(is_active ? 'isOut' : 'isIn', { name }))
    onDone()
  }
  const signOut = async () => {
    const { sessions_ended: count } = await call<{ sessions_ended: number }>(
      'DELETE',
      `/v1/admin/users/${id}/sessions`,
    )
    toast(say('sessionsEnded', { count }))
    onDone()
  }
  return (
    <Section title={say('access')} lead={say('accessLead')}>
      <ul class="list">
        <li class="row apart">
          <p class="grows">{say('signOutLead')}</p>
          <Confirm
            opens={say('signOutThem')}
            title={say('signOutTitle', { name })}
            button={say('signOutThem')}
            act={signOut}
          >
            <p>{say('signOutLead')}</p>
          </Confirm>
        </li>
        <li class="row apart">
          <p class="grows">{say(is_active ? 'disableLead' : 'enableLead')}</p>
          <Confirm
            opens={say(is_active ? 'disable' : 'enable')}
            title={say(is_active ? 'disableTitle' : 'enableTitle', { name })}
            button={say(is_active ? 'disable' : 'enable')}
            {...(is_active ? { tone: 'danger' as const } : {})}
            act={turn}
          >
            <p>{say(is_active ? 'disableLead' : 'enableLead')}</p>
          </Confirm>
        </li>
      </ul>
    </Section>
  )
}
