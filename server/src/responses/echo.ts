/** What goes to a model. Content is text, or parts of which the text ones are read. */
export interface Message {
  readonly role: string
  readonly content: string | readonly { readonly type?: string; readonly text?: string }[]
}

export const ECHO_MODEL = 'echo-1'

/** The built-in model: it says what it heard last, so that a newcomer sees a whole round trip. */
export function echo(messages: readonly Message[]): {
  text: string
  inputTokens: number
  outputTokens: number
} {
  const heard = messages.map((message) => textOf(message.content))
  const text = heard.at(-1) ?? ''
  return { text, inputTokens: tokensOf(heard.join(' ')), outputTokens: tokensOf(text) }
}

export function textOf(content: Message['content']): string {
  if (typeof content === 'string') return content
  return content.map((part) => part.text ?? '').join('')
}

/** About four characters to a token, as with most models. */
const tokensOf = (text: string) => Math.ceil([...text].length / 4)
