import { render } from 'preact'
import { Hub } from './hub.tsx'
import { speak, type Words } from './words.ts'

/** Shows the Hub in this language. */
export function start(language: string, words: Words): void {
  speak(language, words)
  const place = document.getElementById('hub')
  if (place) render(<Hub />, place)
}
