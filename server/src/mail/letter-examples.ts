import type { LetterFacts, LetterName } from './letters.ts'

const base = { address: '192.0.2.44', agent: 'Firefox on Linux', at: Date.UTC(2026, 10, 23, 12, 5) }
const account = 'https://auth.example.com/account'
const notMe = { ...base, link: `${account}/not-me/2kq0Zb7cVx9TfLr1yUw5Ns` }
const stop = `${account}/stop/Yw5NsT2kq0Zb7cVx9TfLr1h3J8mPqD4eGa6oKs0vXi2B`
const code = { ...base, code: '2290', minutes: 5 }
const key = 'build server (ak_live_7Q2m…k9Td)'

/** Facts of every kind that a letter is sent with: what the preview shows, and what every text must be able to say. */
export const letterExamples: Readonly<Record<LetterName, readonly LetterFacts[]>> = {
  code: [
    { ...code, purpose: 'login', link: notMe.link },
    { ...code, purpose: 'registration', code: '40718263', minutes: 15, stop },
    {
      ...code,
      purpose: 'password_reset',
      code: '58120934',
      minutes: 15,
      link: `${account}/reset/2kq0Zb7cVx9TfLr1yUw5Ns`,
    },
    { ...code, purpose: 'email_change', code: '71339052', minutes: 15, stop },
    {
      ...code,
      purpose: 'budget_raise',
      key,
      raise: { more: 250_000, unit: 'tokens', period: 'day' },
    },
    { ...code, purpose: 'budget_raise', key, raise: { more: 2.5, unit: 'money', period: 'month' } },
  ],
  'already-registered': [base],
  'wrong-codes': [notMe],
  'login-hammered': [notMe],
  'new-place': [notMe],
  'new-device': [notMe],
  'session-moved': [notMe],
  'password-changed': [notMe],
  'password-reset': [notMe],
  'reset-needed': [base],
  invitation: [
    {
      ...base,
      code: 'q7Zb2kq0cVx9TfLr1yUw5N',
      link: 'https://auth.example.com/register?invitation=q7Zb2kq0cVx9TfLr1yUw5N',
      stop,
    },
    { ...base, code: 'q7Zb2kq0cVx9TfLr1yUw5N', stop },
  ],
  factors: (
    [
      'totp-added',
      'totp-removed',
      'passkey-added',
      'passkey-removed',
      'recovery-codes-made',
      'recovery-code-used',
    ] as const
  ).map((change) => ({ ...notMe, change })),
  'key-ending': [
    { ...base, key, endsAt: base.at + 14 * 86_400_000, usedAt: base.at },
    { ...base, key, endsAt: base.at + 2 * 86_400_000, usedAt: null },
  ],
  'old-secret-in-use': [{ ...base, key, endsAt: base.at + 86_400_000, usedAt: base.at }],
  'key-leaked': [
    {
      ...base,
      key,
      place: 'https[:]//paste[.]example[.]com/a1b2',
      since: base.at - 86_400_000,
      calls: 1204,
      models: 'echo-1 (1204)',
      tokens: 88_310,
      usedAt: base.at,
    },
    { ...base, key, since: base.at - 86_400_000, usedAt: null },
  ],
  'canary-used': [
    { ...base, key },
    { ...base, key, paused: 'deploy (ak_live_a8Xc…Qm2d)' },
  ],
  panic: [base],
  'email-changed': [{ ...base, link: `${account}/undo-email/2kq0Zb7cVx9TfLr1yUw5Ns` }],
  farewell: [base],
  test: [base],
  'webhook-paused': [
    { ...base, place: 'https://hooks.example.com/freddy', gone: true },
    { ...base, place: 'https://hooks.example.com/freddy', gone: false },
  ],
}
