import type { Reply, Rule } from '../../../cases/case.ts'
import type { ClientStep } from './scene.ts'

/** What the scenes are made of. */
export const EMAIL_KEY = 'uuid-12345678-1234-1234-1234-123456789abc'
const EMAIL = 'ada@example.com'
const PASSWORD = 'correct horse battery staple'
const CODE = 2290

export const login: ClientStep = { do: 'login', email_or_username: EMAIL, password: PASSWORD }
export const verify: ClientStep = { do: 'verify', email_key: EMAIL_KEY, verification_code: CODE }
export const refresh: ClientStep = { do: 'refresh' }
export const ask: ClientStep = {
  do: 'create_response',
  model: 'echo-1',
  messages: [{ role: 'user', content: 'Hello' }],
}
export const signIn: readonly ClientStep[] = [login, verify]
export const failed = { ok: false } as const

export const refuse = (
  status: number,
  code: string,
  details?: Readonly<Record<string, unknown>>,
): Reply => ({ refuse: { status, code, ...(details ? { details } : {}) } })

export const limited = (seconds: number): Reply => ({
  ...refuse(429, 'TOO_MANY_REQUESTS', { retry_after: seconds }),
  headers: { 'retry-after': `${seconds}` },
})

export const hello: Reply = { body: { output_text: 'Hello' } }
export const lost: Reply = { lost: true }

export const loginRule: Rule = {
  on: 'POST /v1/auth/login',
  body: { email_or_username: EMAIL, password: PASSWORD },
  answer: {
    body: {
      success: true,
      message: 'Login credentials verified. Please check your email for verification code.',
      email_key: EMAIL_KEY,
      email: EMAIL,
      requires_verification: true,
      next_step: 'email_verification',
    },
  },
}

/** A code may come as the number or as its digits. */
export function verifyRules(answer: Reply, code = CODE): Rule[] {
  return [code, `${code}`].map((each) => verifyRule(each, answer, [0, 1]))
}

export function verifyRule(code: number | string, answer: Reply, times: Rule['times'] = 1): Rule {
  const body = { email_key: EMAIL_KEY, verification_code: code }
  return { on: 'POST /v1/auth/verify', body, times, answer }
}

export const verified = (token = 'access-1'): Reply => ({
  body: {
    token,
    refreshToken: 'refresh-1',
    token_type: 'bearer',
    expires_in: 86_400,
    user: { id: 'usr_0123456789abcdef0123456789abcdef', email: EMAIL, verified: true },
  },
})

export const signInRules: readonly Rule[] = [loginRule, ...verifyRules(verified())]

export function askRule(token: string, answer: Reply, more: Partial<Rule> = {}): Rule {
  const headers = { authorization: `Bearer ${token}` }
  return { on: 'POST /v1/responses', headers, answer, ...more }
}

export const expired = refuse(401, 'TOKEN_EXPIRED')
export const ended = refuse(401, 'TOKEN_INVALID', { reason: 'password_changed' })

export function refreshRule(answer: Reply = renewed('access-2'), more: Partial<Rule> = {}): Rule {
  const body = { refresh_token: 'refresh-1' }
  return { on: 'POST /v1/auth/refresh', body, answer, ...more }
}

export const renewed = (token: string): Reply => ({
  body: {
    token,
    access_token: token,
    token_type: 'bearer',
    expires_in: 86_400,
    device_id: 'ses_1',
  },
})

/** A token that says when it ends; a client that believes it looks at the wrong clock. */
export function tokenUntil(year: number): string {
  const text = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const exp = Date.UTC(year, 0) / 1000
  const claims = { sub: 'usr_0123456789abcdef0123456789abcdef', iat: exp - 86_400, exp }
  return `${text({ alg: 'HS256', typ: 'JWT' })}.${text(claims)}.c2lnbmF0dXJl`
}
