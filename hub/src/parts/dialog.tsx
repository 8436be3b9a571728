import type { ComponentChildren } from 'preact'
import { useEffect, useId, useRef } from 'preact/hooks'

interface DialogProps {
  readonly title: string
  readonly onClose: () => void
  readonly children: ComponentChildren
}

/** What had the focus last on the page itself: a button that waits for an answer loses it before its dialog opens. */
let left: HTMLElement | null = null
document.addEventListener('focusin', ({ target }) => {
  if (target instanceof HTMLElement && !target.closest('dialog')) left = target
})

/** Stands before the page until it is closed; the browser keeps the focus in it, and Escape closes it. */
export function Dialog({ title, onClose, children }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null)
  const id = useId()
  useEffect(() => {
    const { current } = element
    current?.showModal()
    return () => {
      current?.close()
      setTimeout(goBack)
    }
  }, [])
  // What had the focus may be gone: a form that made way for what it made.
  useEffect(() => {
    if (document.activeElement === document.body) element.current?.focus()
  })
  return (
    <dialog ref={element} aria-labelledby={id} tabIndex={-1} onClose={onClose}>
      <div class="stack">
        <h2 id={id}>{title}</h2>
        {children}
      </div>
    </dialog>
  )
}

/** To what opened it, as the browser does by itself where it can; else to the page. */
function goBack(): void {
  const isNowhere = () => document.activeElement === document.body
  if (isNowhere()) left?.focus()
  if (isNowhere()) document.querySelector('main')?.focus()
}
