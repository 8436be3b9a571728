import { createInterface } from 'node:readline'
import { ApiError, FreddyAuth } from '../src/index.ts'

/** This library as a program for `freddy conformance`: a line of JSON for each step, a line for each answer. */
let auth: FreddyAuth

// biome-ignore lint/suspicious/noExplicitAny: a step is what docs/conformance.md says
const steps: Readonly<Record<string, (step: any) => Promise<object | undefined>>> = {
  begin: async ({ base_url }) => {
    auth = new FreddyAuth(base_url)
    return undefined
  },
  login: async ({ email_or_username, password }) => ({
    email_key: await auth.login(email_or_username, password),
  }),
  verify: ({ email_key, verification_code }) => auth.verify(email_key, verification_code),
  create_response: async ({ model, messages, together = 1 }) => {
    const calls = Array.from({ length: together }, () => auth.createResponse(model, messages))
    const [first] = await Promise.all(calls)
    return { output_text: first?.output_text }
  },
  refresh: async () => void (await auth.refresh()),
  resend: ({ email_key }) => auth.resend(email_key),
  logout: async () => void (await auth.logout()),
}

for await (const line of createInterface({ input: process.stdin })) {
  const step = JSON.parse(line)
  const told = await steps[step.do]?.(step).then((gave) => ({ ok: true, ...gave }), refusal)
  process.stdout.write(`${JSON.stringify(told)}\n`)
}

function refusal(error: Error) {
  const { status, code, retryAfter: retry_after } = error instanceof ApiError ? error : {}
  return { ok: false, error: error.message, status, code, retry_after }
}
