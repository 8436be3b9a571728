import { differenceFrom, type Expected } from './difference.ts'
import { type ServerRule, unlike } from './server-rules.ts'
import type { Question, Talk } from './server-talk.ts'

export interface Account {
  readonly email: string
  readonly password: string
  /** The code that was mailed just now. */
  code(): Promise<string>
}

const UUID = '[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}'
const JWT = /^[\w-]+\.[\w-]+\.[\w-]+$/

/** The founding flow with a real account, in its order: each step stands on the one before it. */
export function foundingFlow({ email, password, code }: Account): readonly ServerRule[] {
  const known = { key: '', code: 0, token: '', refreshToken: '', used: false }
  const verify = () => ({ email_key: known.key, verification_code: known.code })
  const bearer = () => ({ authorization: `Bearer ${known.token}` })
  const step = (
    name: string,
    promise: string,
    question: () => Question,
    expected: Expected,
    keep: (body: Record<string, string>) => void = () => {},
  ): ServerRule => ({
    name,
    promise,
    check: async (talk) => {
      const heard = await talk.ask(question())
      const difference = differenceFrom(expected, heard)
      if (!difference) keep(heard.body)
      return difference
    },
  })
  return [
    {
      name: 'known-address',
      promise: 'a wrong password is refused like an unknown address',
      check: (talk) => comparePeople(talk, email),
    },
    step(
      'login',
      'the right password is answered as the founding page says',
      () => ({ line: 'POST /auth/login', body: { email_or_username: email, password } }),
      {
        status: 200,
        body: {
          success: true,
          message: 'Login credentials verified. Please check your email for verification code.',
          email_key: new RegExp(`^uuid-${UUID}$`),
          email,
          requires_verification: true,
          next_step: 'email_verification',
        },
      },
      (body) => {
        known.key = String(body.email_key)
      },
    ),
    {
      name: 'mailed-code',
      promise: 'the code has 4 to 8 digits, and the first is never 0',
      check: async () => {
        const mailed = await code()
        known.code = Number(mailed)
        return /^[1-9]\d{3,7}$/.test(mailed) ? null : `it is ${JSON.stringify(mailed)}`
      },
    },
    step(
      'verify',
      'the code, as a number, brings the tokens',
      () => ({ line: 'POST /auth/verify', body: verify() }),
      {
        status: 200,
        body: {
          token: JWT,
          refreshToken: JWT,
          token_type: 'bearer',
          expires_in: 86_400,
          user: { id: /^usr_[0-9a-f]{32}$/, email, verified: true },
        },
      },
      (body) => {
        known.token = String(body.token)
        known.refreshToken = String(body.refreshToken)
      },
    ),
    step(
      'code-once',
      'a code that was used is refused like a wrong one',
      () => ({ line: 'POST /auth/verify', body: verify() }),
      { status: 401, body: { error: { code: 'INVALID_VERIFICATION_CODE' } } },
    ),
    ...['refresh', 'refresh-again'].map((name) =>
      step(
        name,
        'the first refresh token brings another access token, again and again',
        () => ({ line: 'POST /auth/refresh', body: { refresh_token: known.refreshToken } }),
        { status: 200, body: { token: JWT, device_id: /./ } },
        (body) => {
          known.token = String(body.token)
        },
      ),
    ),
    step(
      'signed-in',
      'the token opens what belongs to its person',
      () => ({ line: 'GET /user/me', headers: bearer() }),
      { status: 200, body: { email } },
    ),
    step(
      'log-out',
      'log-out is answered as the contract says',
      () => ({ line: 'POST /auth/logout', headers: bearer() }),
      { status: 200, body: { message: 'Successfully logged out', logged_out_at: /Z$/ } },
    ),
    step(
      'token-after-log-out',
      'the token is refused at once after log-out',
      () => ({ line: 'GET /user/me', headers: bearer() }),
      { status: 401 },
    ),
    step(
      'refresh-after-log-out',
      'the refresh token is refused at once after log-out',
      () => ({ line: 'POST /auth/refresh', body: { refresh_token: known.refreshToken } }),
      { status: 401 },
    ),
  ]
}

async function comparePeople(talk: Talk, email: string): Promise<string | null> {
  const password = 'not the password of anybody'
  const [first, second] = [email, `nobody-of-${email}`]
  const ask = (email_or_username: string) =>
    talk.ask({ line: 'POST /auth/login', body: { email_or_username, password } })
  return unlike(await ask(first), await ask(second))
}
