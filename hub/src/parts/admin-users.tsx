import { useState } from 'preact/hooks'
import { useAct } from '../act.ts'
import { call } from '../api.ts'
import { usePages } from '../load.ts'
import { ago, say } from '../words.ts'
import { More } from './more.tsx'
import { Section } from './section.tsx'
import { Problem, Ready, When } from './states.tsx'
import { toast } from './toast.tsx'

interface Person {
  readonly id: string
  readonly email: string
  readonly username: string | null
  readonly role: 'user' | 'admin'
  readonly is_active: boolean
  readonly last_login: string | null
}

/** Everybody with an account: find, disable, let in again. */
export function AdminUsers() {
  const [sought, setSought] = useState('')
  const query = sought ? `?search=${encodeURIComponent(sought)}` : ''
  const people = usePages<Person>(`/v1/admin/users${query}`)
  const { busy, failure, act } = useAct()
  const change = (person: Person) =>
    act(async () => {
      const verb = person.is_active ? 'disable' : 'enable'
      const changed = await call<Person>('POST', `/v1/admin/users/${person.id}/${verb}`)
      toast(say(person.is_active ? 'isOut' : 'isIn', { name: person.email }))
      people.put((people.value ?? []).map((each) => (each.id === changed.id ? changed : each)))
    })
  return (
    <Section title={say('people')} lead={say('peopleLead')}>
      <Search seek={setSought} />
      <Problem cause={failure} />
      <Ready of={people}>
        {(shown) =>
          shown.length === 0 ? (
            <div class="empty">
              <h2>{say('nobody')}</h2>
              <p>{say('nobodyLead')}</p>
            </div>
          ) : (
            <ul class="list">
              {shown.map((person) => (
                <Row key={person.id} person={person} busy={busy} change={change} />
              ))}
            </ul>
          )
        }
      </Ready>
      <More more={people.more} />
    </Section>
  )
}

function Search({ seek }: { readonly seek: (text: string) => void }) {
  const search = (event: SubmitEvent) => {
    event.preventDefault()
    seek(String(new FormData(event.target as HTMLFormElement).get('search')).trim())
  }
  return (
    <form class="row" onSubmit={search}>
      <label class="visually-hidden" for="search">
        {say('searchPeople')}
      </label>
      <input
        id="search"
        name="search"
        type="search"
        placeholder={say('searchPeople')}
        style={{ flex: '1 1 14rem', width: 'auto' }}
      />
      <button type="submit" class="button quiet">
        {say('search')}
      </button>
    </form>
  )
}

interface RowProps {
  readonly person: Person
  readonly busy: boolean
  readonly change: (person: Person) => void
}

function Row({ person, busy, change }: RowProps) {
  const { last_login: last } = person
  return (
    <li class="row apart">
      <div class="stack tight">
        <div class="row">
          <h3 class="breaks">{person.email}</h3>
          {person.role === 'admin' && <span class="badge">admin</span>}
          {!person.is_active && <span class="badge bad">{say('disabled')}</span>}
        </div>
        <div class="facts">
          {person.username && <span>{person.username}</span>}
          <span>
            {last ? (
              <When iso={last} text={say('signedInWhen', { when: ago(last) })} />
            ) : (
              say('neverSignedIn')
            )}
          </span>
        </div>
      </div>
      <button
        type="button"
        class="button quiet small"
        disabled={busy}
        onClick={() => change(person)}
      >
        {say(person.is_active ? 'disable' : 'enable')}
      </button>
    </li>
  )
}
