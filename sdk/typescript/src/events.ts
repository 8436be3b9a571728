/**
 * The events of a stream (the WHATWG's server-sent events), as the texts of their `data`. Comments, which keep a quiet
 * connection alive, are passed over.
 */
export async function* eventsOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  let lines: string[] = []
  for await (const line of linesOf(chunks)) {
    if (line === '' && lines.length > 0) {
      yield lines.join('\n')
      lines = []
    }
    const [, text] = /^data: ?(.*)$/s.exec(line) ?? []
    if (text !== undefined) lines.push(text)
  }
}

/** Whole lines, however the network cut them; what stands after the last end of a line is not one. */
async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of chunks) {
    rest += decoder.decode(chunk, { stream: true })
    // A carriage return at the very end may be half of an end of line.
    const whole = rest.endsWith('\r') ? rest.length - 1 : rest.length
    const lines = rest.slice(0, whole).split(/\r\n|\n|\r/)
    rest = (lines.pop() ?? '') + rest.slice(whole)
    yield* lines
  }
  if (rest.endsWith('\r')) yield rest.slice(0, -1)
}
