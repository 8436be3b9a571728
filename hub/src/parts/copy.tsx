import { useState } from 'preact/hooks'
import { say } from '../words.ts'

interface CopyProps {
  readonly text: string
  readonly label?: string
  readonly class?: string
}

/** Copies a text and says so. */
export function Copy({ text, label = say('copy'), ...rest }: CopyProps) {
  const [copied, setCopied] = useState(false)
  // Off loopback, over plain HTTP, a browser has no clipboard for pages: the text can be selected.
  if (!navigator.clipboard) return null
  const copy = async () => {
    await navigator.clipboard.writeText(text)
    setCopied(true)
    setTimeout(() => setCopied(false), 2000)
  }
  return (
    <button type="button" class={`button quiet small ${rest.class ?? ''}`} onClick={copy}>
      {copied ? say('copied') : label}
    </button>
  )
}
