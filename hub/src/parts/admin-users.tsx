import { useState } from 'preact/hooks'
import { useLoad, usePages } from '../load.ts'
import { Link } from '../route.tsx'
import { ago, say } from '../words.ts'
import type { Settings } from './admin-settings.tsx'
import { Invite } from './invite.tsx'
import { More } from './more.tsx'
import { Section } from './section.tsx'
import { Ready, When } from './states.tsx'

/** An account, as an admin sees it. */
export interface Person {
  readonly id: string
  readonly email: string
  readonly username: string | null
  readonly full_name: string | null
  readonly role: 'user' | 'admin'
  readonly is_active: boolean
  readonly last_login: string | null
  readonly created_at: string
}

/** Everybody with an account: find one, invite another. */
export function AdminUsers() {
  const [sought, setSought] = useState('')
  const query = sought ? `?search=${encodeURIComponent(sought)}` : ''
  const people = usePages<Person>(`/v1/admin/users${query}`)
  const settings = useLoad<Settings>('/v1/admin/settings').value?.settings ?? []
  const registration = settings.find(({ name }) => name === 'REGISTRATION')?.value
  const mayInvite = registration === 'open' || registration === 'invite'
  return (
    <Section title={say('people')} lead={say('peopleLead')} action={mayInvite && <Invite />}>
      <Search seek={setSought} />
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
                <Row key={person.id} person={person} />
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
    <form class="row search" onSubmit={search}>
      <label class="visually-hidden" for="search">
        {say('searchPeople')}
      </label>
      <input id="search" name="search" type="search" placeholder={say('searchPeople')} />
      <button type="submit" class="button quiet">
        {say('search')}
      </button>
    </form>
  )
}

function Row({ person }: { readonly person: Person }) {
  return (
    <li class="stack tight">
      <div class="row">
        <h3 class="breaks">
          <Link to={`/hub/admin/users/${person.id}`}>{person.email}</Link>
        </h3>
        <Badges of={person} />
      </div>
      <div class="facts">
        {person.username && <span>{person.username}</span>}
        <LastSignIn of={person} />
      </div>
    </li>
  )
}

export function Badges({ of: { role, is_active } }: { readonly of: Person }) {
  return (
    <>
      {role === 'admin' && <span class="badge">admin</span>}
      {!is_active && <span class="badge bad">{say('disabled')}</span>}
    </>
  )
}

export function LastSignIn({ of: { last_login: last } }: { readonly of: Person }) {
  if (!last) return <span>{say('neverSignedIn')}</span>
  return <When iso={last} text={say('signedInWhen', { when: ago(last) })} />
}
