import { hash } from 'node:crypto'

export const ECHO_MODEL = 'echo-1'
const STANDARD_DIMENSIONS = 256

/** What the built-in model says, and what it would cost elsewhere. */
export interface Echo {
  readonly text: string
  readonly inputTokens: number
  readonly outputTokens: number
}

/** The built-in model: it says what it heard last, so that a newcomer sees a whole round trip. */
export function echo(messages: readonly unknown[]): Echo {
  const heard = messages.map(textOf)
  const text = heard.at(-1) ?? ''
  return { text, inputTokens: tokensOf(heard.join(' ')), outputTokens: tokensOf(text) }
}

/** Text, or a message or part whose text is read; pictures and calls of tools are passed over. */
export function textOf(said: unknown): string {
  if (typeof said === 'string') return said
  if (Array.isArray(said)) return said.map(textOf).join('')
  if (typeof said !== 'object' || said === null) return ''
  if ('content' in said) return textOf(said.content)
  return 'text' in said && typeof said.text === 'string' ? said.text : ''
}

/** A text in pieces as a model would send them: a word at a time, the space before it included. */
export const piecesOf = (text: string): string[] => text.match(/\s*\S+\s*$|\s*\S+|\s+/g) ?? []

/** A vector of length 1 that depends on the text alone: the same text is near itself and nothing else. */
export function echoVector(text: string, dimensions = STANDARD_DIMENSIONS): number[] {
  const vector: number[] = []
  for (let round = 0; vector.length < dimensions; round++) {
    const bytes = hash('sha512', `${round}:${text}`, 'buffer')
    for (const byte of bytes) if (vector.length < dimensions) vector.push(byte - 127.5)
  }
  const length = Math.hypot(...vector)
  return vector.map((value) => value / length)
}

/** About four characters to a token, as with most models. */
export const tokensOf = (text: string) => Math.ceil([...text].length / 4)
