import { type Credential, withCredential } from './credential.ts'
import { FreddyError } from './errors.ts'
import { isAboutToken } from './refusal.ts'
import type { TransportParts } from './transport.ts'

/** The platform's fetch with the credential, to the one server that it is for. */
export async function ownFetch(
  { baseUrl, fetch }: TransportParts,
  credential: Credential,
  input: string | URL | Request,
  init: RequestInit | undefined,
): Promise<Response> {
  const request = new Request(addressOf(baseUrl, input), { redirect: 'manual', ...init })
  const { origin } = new URL(request.url)
  if (origin !== new URL(baseUrl).origin) {
    throw new FreddyError(`The credential of ${baseUrl} is not for ${origin}`)
  }
  return withCredential(
    credential,
    request.signal,
    (headers) => fetch(withHeaders(request, headers)),
    isOver,
  )
}

function addressOf(baseUrl: string, input: string | URL | Request): string | URL | Request {
  return typeof input === 'string' && input.startsWith('/') ? baseUrl + input : input
}

/** A copy, so that the body is there for the next try. */
function withHeaders(request: Request, headers: Readonly<Record<string, string>>): Request {
  const copy = request.clone()
  for (const [name, value] of Object.entries(headers)) copy.headers.set(name, value)
  return copy
}

async function isOver(answer: Response): Promise<boolean> {
  if (answer.status !== 401) return false
  return isAboutToken({ status: 401, text: await answer.clone().text() })
}
