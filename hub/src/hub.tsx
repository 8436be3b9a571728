import { useEffect, useRef, useState } from 'preact/hooks'
import { onReach } from './api.ts'
import { useLoad } from './load.ts'
import { type Me, pageFor, pages } from './pages.ts'
import { Toasts } from './parts/toast.tsx'
import { Link, usePath } from './route.tsx'
import { say } from './words.ts'

/** The server says it with the page; it asks again at every call. */
const isAdmin = document.documentElement.dataset.role === 'admin'

/** The frame of every page, and the page in it. */
export function Hub() {
  const path = usePath()
  const me = useLoad<Me>('/v1/user/me').value
  const shown = pageFor(path)
  useSignOutEverywhere()
  const main = useRef<HTMLElement>(null)
  const first = useRef(true)
  useEffect(() => {
    document.title = `${say(shown.label)} · Freddy`
    // A screen reader hears the new page; on the first one the browser says it itself.
    if (!first.current) main.current?.focus()
    first.current = false
  }, [shown])
  return (
    <div class="frame">
      <div class="top">
        <Bar me={me} />
        <Offline />
      </div>
      <div class="body">
        <nav class="ways-bar" aria-label={say('pages')}>
          <ul>
            {pages
              .filter(({ admin }) => !admin || isAdmin)
              .map(({ path: to, label }) => (
                <li key={to}>
                  <Link to={to} current={shown.path === to}>
                    {say(label)}
                  </Link>
                </li>
              ))}
          </ul>
        </nav>
        <main class="page" ref={main} tabIndex={-1} style={{ outline: 'none' }}>
          <shown.Page me={me} path={path} />
        </main>
      </div>
      <Toasts />
    </div>
  )
}

function Bar({ me }: { readonly me: Me | null }) {
  return (
    <header class="bar">
      <span class="brand">
        <Link to="/hub">Freddy</Link>
      </span>
      <div>
        <a class="docs small quiet-text" href="/docs">
          {say('documentation')}
        </a>
        <span class="who" title={me?.email ?? ''}>
          {me?.email}
        </span>
        <form method="post" action="/sign-out">
          <button type="submit" class="button quiet small">
            {say('signOut')}
          </button>
        </form>
      </div>
    </header>
  )
}

function Offline() {
  const [reachable, setReachable] = useState(true)
  useEffect(() => onReach(setReachable), [])
  return <div role="status">{!reachable && <p class="offline">{say('errorUnreachable')}</p>}</div>
}

/** Who signs out in one tab is signed out in all of them: the page that says so tells the others. */
function useSignOutEverywhere(): void {
  useEffect(() => {
    const channel = new BroadcastChannel('freddy')
    channel.onmessage = () => location.assign('/sign-in?told=signedOut')
    return () => channel.close()
  }, [])
}
