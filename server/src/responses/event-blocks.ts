import { ApiError } from '../errors.ts'

const LF = 0x0a
const CR = 0x0d
const MOST_BLOCK_BYTES = 32 * 1024 * 1024

/**
 * Server-sent events, whole ones, as they arrive. An event without its end is never passed on: a stream that
 * stops inside one has broken.
 */
export async function* eventBlocks(body: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let waiting: Buffer[] = []
  let size = 0
  let tail = ''
  for await (const chunk of body) {
    const end = endOfLast(chunk, tail)
    tail =
      chunk.length > 2
        ? chunk.toString('latin1', chunk.length - 3)
        : tail + chunk.toString('latin1')
    if (end === 0) {
      waiting.push(chunk)
      size += chunk.length
      if (size > MOST_BLOCK_BYTES) throw new ApiError('UPSTREAM_ERROR')
      continue
    }
    yield Buffer.concat([...waiting, chunk.subarray(0, end)])
    const rest = chunk.subarray(end)
    waiting = rest.length > 0 ? [rest] : []
    size = rest.length
  }
  const rest = Buffer.concat(waiting)
  if (rest.toString('latin1').trim()) throw new ApiError('UPSTREAM_ERROR')
}

/** Just past the last blank line of a chunk, which may have begun in the one before; 0 when there is none. */
function endOfLast(chunk: Buffer, before: string): number {
  for (let at = chunk.length - 1; at >= 0; at--) {
    if (chunk[at] !== LF) continue
    const [one, two] = [byteAt(chunk, before, at - 1), byteAt(chunk, before, at - 2)]
    if (one === LF || (one === CR && two === LF)) return at + 1
  }
  return 0
}

function byteAt(chunk: Buffer, before: string, at: number): number {
  return at >= 0 ? (chunk[at] ?? 0) : before.charCodeAt(before.length + at) || 0
}
