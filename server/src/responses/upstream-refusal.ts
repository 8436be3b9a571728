import { ApiError, tooMany } from '../errors.ts'
import type { UpstreamAnswer } from './upstream.ts'
import { member } from './usage.ts'

const MOST_BYTES = 64 * 1024
const MOST_CHARACTERS = 500
const LONGEST_WAIT_S = 300
const STANDARD_WAIT_S = 20

/**
 * What an answer of 3xx to 5xx means to the caller. Only the words about a request's own fault go through:
 * everything else would tell of the operator's account.
 */
export async function refusalOf(answer: UpstreamAnswer): Promise<ApiError> {
  const said = await readSome(answer.body)
  const { status } = answer
  if (status === 429) return tooMany('TOO_MANY_REQUESTS', waitOf(answer.retryAfter) * 1000)
  if (status === 404) return new ApiError('RESOURCE_NOT_FOUND')
  if (status === 413) return new ApiError('PAYLOAD_TOO_LARGE')
  if (status === 504) return new ApiError('UPSTREAM_TIMEOUT')
  if (![400, 409, 415, 422].includes(status)) {
    return new ApiError('UPSTREAM_ERROR', { cause: new Error(`The model server said ${status}`) })
  }
  const error = member(said, 'error')
  const isAboutRequest = member(error, 'type') === 'invalid_request_error'
  const message = isAboutRequest ? cleanText(member(error, 'message')) : null
  const param = member(error, 'param')
  const isName = isAboutRequest && typeof param === 'string' && /^[\w.[\]-]{1,100}$/.test(param)
  return new ApiError('MODEL_REFUSED', {
    ...(message ? { details: { reason: message } } : {}),
    ...(isName ? { param } : {}),
  })
}

/** One line without anything that looks like a credential or an address. */
function cleanText(text: unknown): string | null {
  if (typeof text !== 'string') return null
  return text
    .replace(/[^\P{C}]+/gu, ' ')
    .replace(/\b(sk|ak|Bearer|org|proj)[-_ ][\w*.-]+/gi, '…')
    .replace(/https?:\/\/\S+/gi, '…')
    .slice(0, MOST_CHARACTERS)
}

function waitOf(retryAfter: string | null): number {
  const seconds = Number(retryAfter ?? STANDARD_WAIT_S)
  return seconds > 0 ? Math.min(seconds, LONGEST_WAIT_S) : STANDARD_WAIT_S
}

async function readSome(body: AsyncIterable<Buffer>): Promise<unknown> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of body) {
      chunks.push(chunk)
      size += chunk.length
      if (size > MOST_BYTES) return null
    }
    return JSON.parse(Buffer.concat(chunks).toString())
  } catch {
    return null
  }
}
