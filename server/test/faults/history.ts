import type { Said } from '../server-process.ts'

export type Act =
  | 'register'
  | 'guess'
  | 'verify'
  | 'login'
  | 'refresh'
  | 'rotate'
  | 'sign out'
  | 'make key'
  | 'revoke key'
  | 'change password'

/** One request as its client saw it. */
export interface Deed {
  readonly act: Act
  /** The address of whoever it was about. */
  readonly person: string
  /** The session, key or challenge that it was about. */
  readonly of: string
  readonly asked: Asked
  /** By the clock of the test; for what has a grace. */
  readonly at: number
  /** Null while nobody knows what became of it: no answer came. */
  answer: Said | null
  /** When the answer was heard, or that none would come. */
  answeredAt: number
}

export interface Asked {
  readonly line: string
  readonly body?: object
  readonly headers?: Record<string, string>
}

/** What a client knows of a deed. An answer that the server is not available says nothing of what was kept. */
export function outcome({ answer }: Deed): 'done' | 'refused' | 'unknown' {
  if (!answer || answer.status >= 500) return 'unknown'
  return answer.status < 300 ? 'done' : 'refused'
}

/** Every request and its answer, written down before it is sent and when it is answered. */
export interface History {
  readonly deeds: readonly Deed[]
  /** Sends it and writes it down; null when no answer came. */
  send(
    base: string,
    act: Act,
    about: Pick<Deed, 'person' | 'of'>,
    asked: Asked,
  ): Promise<Said | null>
  /** Resolves when so many more of these were sent. */
  sent(act: Act, count: number): Promise<void>
}

export function startHistory(): History {
  const deeds: Deed[] = []
  const waiting = new Set<{ act: Act; left: number; resolve: () => void }>()
  const write = (deed: Deed) => {
    deeds.push(deed)
    for (const waiter of waiting) {
      if (waiter.act !== deed.act) continue
      waiter.left -= 1
      if (waiter.left > 0) continue
      waiting.delete(waiter)
      waiter.resolve()
    }
  }
  return {
    deeds,
    async send(base, act, about, asked) {
      const at = Date.now()
      const deed: Deed = {
        act,
        ...about,
        asked,
        at,
        answer: null,
        answeredAt: Number.POSITIVE_INFINITY,
      }
      write(deed)
      deed.answer = await ask(base, asked)
      deed.answeredAt = Date.now()
      return deed.answer
    },
    sent: (act, left) => new Promise((resolve) => waiting.add({ act, left, resolve })),
  }
}

/** A request over a real socket; null when no answer came. */
export async function ask(base: string, { line, body, headers }: Asked): Promise<Said | null> {
  const [method = 'GET', path = ''] = line.split(' ')
  try {
    const answer = await fetch(base + path, {
      method,
      headers: { ...(body ? { 'content-type': 'application/json' } : {}), ...headers },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(20_000),
    })
    return { status: answer.status, body: await answer.json() }
  } catch {
    return null
  }
}
