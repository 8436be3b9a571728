import type { Freddy } from './freddy.ts'

export interface Shown {
  readonly status: number
  readonly text: string
  readonly location: string
  readonly headers: Readonly<Record<string, string | string[] | number | undefined>>
}

/** A browser without scripts: it keeps cookies, follows no redirect by itself, and posts forms from our origin. */
export interface BrowserWindow {
  readonly cookies: Map<string, string>
  get(path: string, headers?: Record<string, string>): Promise<Shown>
  post(
    path: string,
    fields?: Record<string, string>,
    headers?: Record<string, string>,
  ): Promise<Shown>
}

const HOST = 'auth.example.com'

/** At the public address, or at another host of the same server. */
export function openWindow({ running }: Freddy, host = HOST): BrowserWindow {
  const isPublic = host === HOST
  const cookies = new Map<string, string>()
  const send = async (
    method: 'GET' | 'POST',
    url: string,
    headers: Record<string, string>,
    payload?: string,
  ): Promise<Shown> => {
    const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await running.http.inject({
      method,
      url,
      remoteAddress: isPublic ? '203.0.113.7' : '127.0.0.1',
      headers: { host, ...(cookie ? { cookie } : {}), ...headers },
      ...(payload === undefined ? {} : { payload }),
    })
    for (const { name, value, maxAge } of answer.cookies) {
      if (maxAge === 0) cookies.delete(name)
      else cookies.set(name, value)
    }
    return {
      status: answer.statusCode,
      text: answer.body,
      location: String(answer.headers.location ?? ''),
      headers: answer.headers,
    }
  }
  return {
    cookies,
    get: (path, headers = {}) => send('GET', path, headers),
    post: (path, fields = {}, headers = {}) => {
      const form = {
        origin: `${isPublic ? 'https' : 'http'}://${host}`,
        'content-type': 'application/x-www-form-urlencoded',
        ...headers,
      }
      return send('POST', path, form, new URLSearchParams(fields).toString())
    },
  }
}
