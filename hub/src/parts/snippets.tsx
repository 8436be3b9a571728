import { useState } from 'preact/hooks'
import { say } from '../words.ts'
import { Copy } from './copy.tsx'

/** The same call in several languages, one shown at a time. */
export function Snippets({ texts }: { readonly texts: Readonly<Record<string, string>> }) {
  const names = Object.keys(texts)
  const [chosen, setChosen] = useState(names[0] ?? '')
  const text = texts[chosen] ?? ''
  const move = (event: KeyboardEvent) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key]
    if (!step) return
    const next = names[(names.indexOf(chosen) + step + names.length) % names.length] ?? ''
    setChosen(next)
    document.getElementById(`tab-${next}`)?.focus()
  }
  return (
    <div class="stack tight">
      <div class="tabs" role="tablist" aria-label={say('example')} onKeyDown={move}>
        {names.map((name) => (
          <button
            type="button"
            role="tab"
            key={name}
            id={`tab-${name}`}
            aria-selected={name === chosen}
            aria-controls="snippet"
            tabIndex={name === chosen ? 0 : -1}
            onClick={() => setChosen(name)}
          >
            {name}
          </button>
        ))}
      </div>
      <div class="snippet" role="tabpanel" id="snippet" aria-labelledby={`tab-${chosen}`}>
        <pre>{text}</pre>
        <Copy text={text} />
      </div>
    </div>
  )
}
