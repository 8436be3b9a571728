import { useState } from 'preact/hooks'
import { useAct } from '../act.ts'
import { call } from '../api.ts'
import { useLoad } from '../load.ts'
import { ago, say } from '../words.ts'
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

interface People {
  readonly data: readonly Person[]
  readonly has_more: boolean
}

/** Everybody with an account: find, disable, let in again. */
export function AdminUsers() {
  const [sought, setSought] = useState('')
  const query = sought ? `&search=${encodeURIComponent(sought)}` : ''
  const people = useLoad<People>(`/v1/admin/users?limit=100${query}`)
  const { busy, failure, act } = useAct()
  const change = (person: Person) =>
    act(async () => {
      const verb = person.is_active ? 'disable' : 'enable'
      await call('POST', `/v1/admin/users/${person.id}/${verb}`)
      toast(say(person.is_active ? 'isOut' : 'isIn', { name: person.email }))
      await people.reload()
    })
  const search = (event: SubmitEvent) => {
    event.preventDefault()
    setSought(String(new FormData(event.target as HTMLFormElement).get('search')).trim())
  }
  return (
    <Section title={say('people')} lead={say('peopleLead')}>
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
      <Problem cause={failure} />
      <Ready of={people}>
        {({ data }) =>
          data.length === 0 ? (
            <div class="empty">
              <h2>{say('nobody')}</h2>
              <p>{say('nobodyLead')}</p>
            </div>
          ) : (
            <ul class="list">
              {data.map((person) => (
                <li class="row apart" key={person.id}>
                  <div class="stack tight">
                    <div class="row">
                      <h3 class="breaks">{person.email}</h3>
                      {person.role === 'admin' && <span class="badge">admin</span>}
                      {!person.is_active && <span class="badge bad">{say('disabled')}</span>}
                    </div>
                    <div class="facts">
                      {person.username && <span>{person.username}</span>}
                      <span>
                        {person.last_login ? (
                          <When
                            iso={person.last_login}
                            text={say('signedInWhen', { when: ago(person.last_login) })}
                          />
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
              ))}
            </ul>
          )
        }
      </Ready>
    </Section>
  )
}
