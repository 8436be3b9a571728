import type { ComponentType } from 'preact'
import type { PageProps } from '../pages.ts'
import { AdminMails } from '../parts/admin-mails.tsx'
import { AdminSystem } from '../parts/admin-system.tsx'
import { AdminTrail } from '../parts/admin-trail.tsx'
import { AdminUsers } from '../parts/admin-users.tsx'
import { Link } from '../route.tsx'
import { say, type Word } from '../words.ts'

const rooms: readonly { name: string; label: Word; Room: ComponentType }[] = [
  { name: 'users', label: 'people', Room: AdminUsers },
  { name: 'mails', label: 'mails', Room: AdminMails },
  { name: 'trail', label: 'trail', Room: AdminTrail },
  { name: 'system', label: 'system', Room: AdminSystem },
]

/** What the admins of a server look after. */
export function AdminPage({ path }: PageProps) {
  const chosen = rooms.find(({ name }) => path.endsWith(`/${name}`)) ?? rooms[0]
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
      {chosen && <chosen.Room key={chosen.name} />}
    </>
  )
}
