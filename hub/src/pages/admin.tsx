import type { ComponentType } from 'preact'
import type { PageProps } from '../pages.ts'
import { AdminMails } from '../parts/admin-mails.tsx'
import { AdminPanic } from '../parts/admin-panic.tsx'
import { AdminPerson } from '../parts/admin-person.tsx'
import { AdminSettings } from '../parts/admin-settings.tsx'
import { AdminSystem } from '../parts/admin-system.tsx'
import { AdminTrail } from '../parts/admin-trail.tsx'
import { AdminUsers } from '../parts/admin-users.tsx'
import { AdminWebhooks } from '../parts/admin-webhooks.tsx'
import { Link } from '../route.tsx'
import { say, type Word } from '../words.ts'

const rooms: readonly { name: string; label: Word; Room: ComponentType }[] = [
  { name: 'users', label: 'people', Room: AdminUsers },
  { name: 'mails', label: 'mails', Room: AdminMails },
  { name: 'webhooks', label: 'webhooks', Room: AdminWebhooks },
  { name: 'trail', label: 'trail', Room: AdminTrail },
  { name: 'panic', label: 'panic', Room: AdminPanic },
  { name: 'settings', label: 'settings', Room: AdminSettings },
  { name: 'system', label: 'system', Room: AdminSystem },
]

/** What the admins of a server look after. */
export function AdminPage({ me, path }: PageProps) {
  const [, person] = /\/users\/(usr_[0-9a-f]{32})$/.exec(path) ?? []
  const chosen = rooms.find(({ name }) => path.startsWith(`/hub/admin/${name}`)) ?? rooms[0]
  return (
    <>
      <div class="page-head">
        <h1>{say('admin')}</h1>
      </div>
      <nav class="tabs" aria-label={say('admin')}>
        {rooms.map(({ name, label }) => (
          <Link key={name} to={`/hub/admin/${name}`} current={name === chosen?.name}>
            {say(label)}
          </Link>
        ))}
      </nav>
      {person ? (
        <AdminPerson key={person} id={person} isMe={person === me?.id} />
      ) : (
        chosen && <chosen.Room key={chosen.name} />
      )}
    </>
  )
}
