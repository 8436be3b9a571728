import { useEffect, useState } from 'preact/hooks'

const SHOWN_MS = 4000
type Listener = (text: string) => void
const listeners = new Set<Listener>()

/** Says briefly that something was done. */
export function toast(text: string): void {
  for (const listener of listeners) listener(text)
}

export function Toasts() {
  const [texts, setTexts] = useState<readonly { id: number; text: string }[]>([])
  useEffect(() => {
    let next = 0
    const show: Listener = (text) => {
      next += 1
      const id = next
      setTexts((shown) => [...shown, { id, text }])
      setTimeout(() => setTexts((shown) => shown.filter((each) => each.id !== id)), SHOWN_MS)
    }
    listeners.add(show)
    return () => {
      listeners.delete(show)
    }
  }, [])
  return (
    <div class="toasts" role="status" aria-live="polite">
      {texts.map(({ id, text }) => (
        <p class="toast" key={id}>
          {text}
        </p>
      ))}
    </div>
  )
}
