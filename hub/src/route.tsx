import type { ComponentChildren } from 'preact'
import { useEffect, useRef, useState } from 'preact/hooks'

const MOVED = 'freddy:moved'

/** The path that is shown. */
export function usePath(): string {
  const [path, setPath] = useState(location.pathname)
  useEffect(() => {
    const read = () => setPath(location.pathname)
    addEventListener('popstate', read)
    addEventListener(MOVED, read)
    return () => {
      removeEventListener('popstate', read)
      removeEventListener(MOVED, read)
    }
  }, [])
  return path
}

/** Shows another page without asking the server for one. */
export function go(path: string): void {
  if (path !== location.pathname) history.pushState(null, '', path)
  scrollTo(0, 0)
  dispatchEvent(new Event(MOVED))
}

interface LinkProps {
  readonly to: string
  readonly class?: string
  readonly current?: boolean
  readonly children: ComponentChildren
}

export function Link({ to, current, children, ...rest }: LinkProps) {
  const follow = (event: MouseEvent) => {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return
    event.preventDefault()
    go(to)
  }
  const element = useRef<HTMLAnchorElement>(null)
  useEffect(() => {
    if (current && element.current) reveal(element.current)
  }, [current])
  return (
    <a
      ref={element}
      href={to}
      onClick={follow}
      {...(current ? { 'aria-current': 'page' } : {})}
      {...rest}
    >
      {children}
    </a>
  )
}

/** Where a bar of links is wider than the window, the one that is shown stands in its middle. */
function reveal(link: HTMLElement): void {
  const bar = link.closest('nav')
  if (!bar) return
  const [place, room] = [link.getBoundingClientRect(), bar.getBoundingClientRect()]
  bar.scrollLeft += place.left - room.left - (room.width - place.width) / 2
}
