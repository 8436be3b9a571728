import { coreScenes } from './core-scenes.ts'
import {
  ask,
  askRule,
  EMAIL_KEY,
  ended,
  expired,
  failed,
  hello,
  limited,
  login,
  loginRule,
  lost,
  refreshRule,
  refuse,
  renewed,
  signIn,
  signInRules,
  verified,
  verify,
  verifyRule,
  verifyRules,
} from './parts.ts'
import type { Scene } from './scene.ts'

const TOGETHER = 10

/** All of them; those beyond the core are what a client library keeps. */
export const scenes: readonly Scene[] = [
  ...coreScenes,
  {
    name: 'one-refresh',
    core: false,
    promise: 'ten calls that meet an expired token at once share one refresh',
    server: [
      ...signInRules,
      askRule('access-1', expired, { times: TOGETHER, gather: TOGETHER }),
      refreshRule(),
      // Whether all succeed is a matter of another scene.
      askRule('access-2', hello, { times: [1, TOGETHER] }),
    ],
    steps: [...signIn, { ...ask, together: TOGETHER, tells: 'either' }],
  },
  {
    name: 'retry-after',
    core: false,
    promise: 'a 429 is waited for as long as Retry-After says, and the call is repeated',
    server: [
      ...signInRules,
      askRule('access-1', limited(1)),
      askRule('access-1', hello, { after: 1 }),
    ],
    steps: [...signIn, ask],
  },
  {
    name: 'unavailable',
    core: false,
    promise: 'a 503 is waited for as long as Retry-After says, and the call is repeated',
    server: [
      ...signInRules,
      askRule('access-1', {
        ...refuse(503, 'SERVICE_UNAVAILABLE'),
        headers: { 'retry-after': '1' },
      }),
      askRule('access-1', hello, { after: 1 }),
    ],
    steps: [...signIn, ask],
  },
  {
    name: 'refresh-again',
    core: false,
    promise: 'a refresh whose answer was lost is asked for again by itself, and the call succeeds',
    server: [
      ...signInRules,
      askRule('access-1', expired),
      refreshRule(lost),
      refreshRule(renewed('access-2')),
      askRule('access-2', hello),
    ],
    steps: [...signIn, ask],
  },
  {
    name: 'late-mail',
    core: false,
    promise: 'after an expired code another mail can be asked for, and its code opens',
    server: [
      loginRule,
      ...verifyRules(refuse(410, 'VERIFICATION_EXPIRED')),
      {
        on: 'POST /v1/auth/resend-email',
        body: { email_key: EMAIL_KEY },
        answer: { body: { success: true, message: 'Sent.', email_key: EMAIL_KEY, type: 'login' } },
      },
      ...verifyRules(verified(), 7315),
    ],
    steps: [
      login,
      { ...verify, tells: { ok: false, status: 410 } },
      { do: 'resend', email_key: EMAIL_KEY },
      { ...verify, verification_code: 7315 },
    ],
  },
  {
    name: 'leading-zeros',
    core: false,
    promise: 'a code that is text is sent as that text, with its zeros',
    server: [loginRule, verifyRule('0042', verified())],
    steps: [login, { ...verify, verification_code: '0042' }],
  },
  {
    name: 'forgotten',
    core: false,
    promise: 'a session that was ended is forgotten, and nothing more is sent for it',
    // A second refresh is a matter of another scene.
    server: [...signInRules, askRule('access-1', ended), refreshRule(ended, { times: [1, 2] })],
    steps: [...signIn, { ...ask, tells: 'either' }, { ...ask, tells: failed }],
  },
  {
    name: 'says-why',
    core: false,
    promise: 'a refusal is told with its status, its code and the seconds to wait',
    server: [...signInRules, { ...loginRule, answer: limited(41) }],
    steps: [
      ...signIn,
      { ...login, tells: { ok: false, status: 429, code: 'TOO_MANY_REQUESTS', retry_after: 41 } },
    ],
  },
  {
    name: 'log-out',
    core: false,
    promise: 'log-out ends the session at the server, and nothing is sent for it afterwards',
    server: [
      ...signInRules,
      {
        on: 'POST /v1/auth/logout',
        headers: { authorization: 'Bearer access-1' },
        answer: {
          body: { message: 'Successfully logged out', logged_out_at: '2026-11-23T12:00:00.000Z' },
        },
      },
    ],
    steps: [...signIn, { do: 'logout' }, { ...ask, tells: failed }],
  },
]
