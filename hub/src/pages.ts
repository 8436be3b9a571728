import type { ComponentType } from 'preact'
import { AccountPage } from './pages/account.tsx'
import { AdminPage } from './pages/admin.tsx'
import { KeysPage } from './pages/keys.tsx'
import { SecurityPage } from './pages/security.tsx'
import { TryPage } from './pages/try.tsx'
import { UsagePage } from './pages/usage.tsx'
import type { Word } from './words.ts'

/** Who is signed in, as `GET /v1/user/me` says it. */
export interface Me {
  readonly id: string
  readonly email: string
  readonly username: string | null
  readonly full_name: string | null
}

export interface PageProps {
  /** Null until it is known. */
  readonly me: Me | null
  readonly path: string
}

export interface Page {
  readonly path: string
  readonly label: Word
  readonly Page: ComponentType<PageProps>
  readonly admin?: true
}

/** Every page of the Hub, in the order of its menu. */
export const pages: readonly Page[] = [
  { path: '/hub/keys', label: 'keys', Page: KeysPage },
  { path: '/hub/usage', label: 'usage', Page: UsagePage },
  { path: '/hub/try', label: 'try', Page: TryPage },
  { path: '/hub/security', label: 'security', Page: SecurityPage },
  { path: '/hub/account', label: 'account', Page: AccountPage },
  { path: '/hub/admin', label: 'admin', Page: AdminPage, admin: true },
]

const [first] = pages as [Page]

/** The page of a path; the first one for any other. */
export function pageFor(path: string): Page {
  return pages.find((page) => path === page.path || path.startsWith(`${page.path}/`)) ?? first
}
