import { randomBytes } from 'node:crypto'

/** The answer of the built-in model, as a server makes it that does nothing else. */
export function echoAnswer(text: string) {
  return {
    id: `resp_${randomBytes(64).toString('base64url')}`,
    object: 'response',
    created_at: Math.floor(Date.now() / 1000),
    status: 'completed',
    model: 'echo-1',
    output: [
      {
        id: `msg_${randomBytes(16).toString('hex')}`,
        type: 'message',
        role: 'assistant',
        status: 'completed',
        content: [{ type: 'output_text', text, annotations: [] }],
      },
    ],
    output_text: text,
    usage: { input_tokens: 3, output_tokens: 3, total_tokens: 6 },
  }
}

/** The headers that stand beside it: the same for every answer here. */
export const echoHeaders = {
  'x-request-id': 'req_00000000000000000000000000000000',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'ratelimit-policy': '"requests";q=1000000;w=1',
  ratelimit: '"requests";r=999999;t=1',
  'x-ratelimit-limit': '1000000',
  'x-ratelimit-remaining': '999999',
  'x-ratelimit-reset': '1764000000',
} as const

/** What stands beside a refusal. */
export const refusalHeaders = {
  'x-request-id': 'req_00000000000000000000000000000000',
  'x-content-type-options': 'nosniff',
  'cache-control': 'no-store',
  'www-authenticate': 'Bearer realm="freddy"',
} as const

/** The envelope of a refusal, as a server makes it that looks at nothing. */
export function refusal() {
  return {
    success: false,
    error: {
      code: 'AUTHENTICATION_REQUIRED',
      message: 'Sign in or send an API key',
      system_message: 'Sign in or send an API key',
      type: 'authentication_error',
      status: 401,
      trace_id: 'req_00000000000000000000000000000000',
      timestamp: new Date().toISOString(),
      doc_url: '/docs/errors#authentication_required',
    },
  }
}
