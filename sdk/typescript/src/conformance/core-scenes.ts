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
  refresh,
  refreshRule,
  refuse,
  renewed,
  signIn,
  signInRules,
  tokenUntil,
  verified,
  verify,
  verifyRules,
} from './parts.ts'
import type { Scene } from './scene.ts'

const PAST = 2001
const FUTURE = 2100
const TOGETHER = 10

/** What every client keeps, the founding ones among them. */
export const coreScenes: readonly Scene[] = [
  {
    name: 'sign-in',
    core: true,
    promise: 'login tells the e-mail key, and the token that verify brought opens a response',
    server: [...signInRules, askRule('access-1', hello)],
    steps: [
      { ...login, tells: { ok: true, email_key: EMAIL_KEY } },
      verify,
      { ...ask, tells: { ok: true, output_text: 'Hello' } },
    ],
  },
  {
    name: 'wrong-password',
    core: true,
    promise: 'a refused password is told after one try, and nothing is refreshed',
    server: [{ ...loginRule, answer: refuse(401, 'INVALID_CREDENTIALS') }],
    steps: [{ ...login, tells: failed }],
  },
  {
    name: 'wrong-code',
    core: true,
    promise: 'a refused code is told after one try, and the right one opens afterwards',
    server: [
      loginRule,
      ...verifyRules(refuse(401, 'INVALID_VERIFICATION_CODE'), 7315),
      ...verifyRules(verified()),
    ],
    steps: [login, { ...verify, verification_code: 7315, tells: failed }, verify],
  },
  {
    name: 'frozen-clock',
    core: true,
    promise: 'a token that looks old is used as it is, since only the server says that it is over',
    server: [
      loginRule,
      ...verifyRules(verified(tokenUntil(PAST))),
      askRule(tokenUntil(PAST), hello),
    ],
    steps: [...signIn, ask],
  },
  {
    name: 'moved-clock',
    core: true,
    promise: 'a token that looks fresh for years is renewed when the server says 401',
    server: [
      loginRule,
      ...verifyRules(verified(tokenUntil(FUTURE))),
      askRule(tokenUntil(FUTURE), expired),
      refreshRule(),
      askRule('access-2', hello),
    ],
    steps: [...signIn, ask],
  },
  {
    name: 'expired-token',
    core: true,
    promise: 'a 401 makes one refresh and one repeat, and the new token is kept',
    server: [
      ...signInRules,
      askRule('access-1', expired),
      refreshRule(),
      askRule('access-2', hello, { times: 2 }),
    ],
    steps: [...signIn, ask, ask],
  },
  {
    name: 'same-refresh-token',
    core: true,
    promise: 'the refresh token of verify is used again and again',
    server: [
      ...signInRules,
      refreshRule(),
      refreshRule(renewed('access-3')),
      askRule('access-3', hello),
    ],
    steps: [...signIn, refresh, refresh, ask],
  },
  {
    name: 'still-refused',
    core: true,
    promise: 'a second 401 after a refresh is told, and not tried again',
    server: [
      ...signInRules,
      askRule('access-1', expired),
      refreshRule(),
      askRule('access-2', expired),
    ],
    steps: [...signIn, { ...ask, tells: failed }],
  },
  {
    name: 'parallel-calls',
    core: true,
    promise: 'ten calls that meet an expired token at once all succeed',
    server: [
      ...signInRules,
      askRule('access-1', expired, { times: TOGETHER, gather: TOGETHER }),
      refreshRule(renewed('access-2'), { times: [1, TOGETHER] }),
      askRule('access-2', hello, { times: TOGETHER }),
    ],
    steps: [...signIn, { ...ask, together: TOGETHER }],
  },
  {
    name: 'lost-answer',
    core: true,
    promise: 'an answer of a model that was lost is told and not asked for again',
    server: [...signInRules, askRule('access-1', lost), askRule('access-1', hello)],
    steps: [...signIn, { ...ask, tells: failed }, ask],
  },
  {
    name: 'lost-refresh',
    core: true,
    promise: 'a refresh whose answer was lost signs nobody out',
    server: [
      ...signInRules,
      askRule('access-1', expired, { times: [1, 2] }),
      refreshRule(lost),
      // Whether the new token is kept is a matter of another scene.
      refreshRule(renewed('access-2'), { times: [1, 2] }),
      askRule('access-2', hello, { times: [1, 2] }),
    ],
    steps: [...signIn, { ...ask, tells: 'either' }, ask],
  },
  {
    name: 'forbidden',
    core: true,
    promise: 'a 403 is told after one try, and nothing is refreshed',
    server: [...signInRules, askRule('access-1', refuse(403, 'INSUFFICIENT_PERMISSIONS'))],
    steps: [...signIn, { ...ask, tells: failed }],
  },
  {
    name: 'revoked-session',
    core: true,
    promise: 'a session that was ended is told after one refresh',
    server: [...signInRules, askRule('access-1', ended), refreshRule(ended)],
    steps: [...signIn, { ...ask, tells: failed }],
  },
  {
    name: 'throttled',
    core: true,
    promise: 'a 429 of five minutes is told at once, and nothing is sent before its time',
    server: [...signInRules, askRule('access-1', limited(300))],
    steps: [...signIn, { ...ask, tells: failed }],
  },
  {
    name: 'server-away',
    core: true,
    promise: 'a server that went away is told of, and after its return the same client goes on',
    server: [...signInRules, askRule('access-1', hello)],
    steps: [...signIn, { server: 'down' }, { ...ask, tells: failed }, { server: 'up' }, ask],
  },
]
