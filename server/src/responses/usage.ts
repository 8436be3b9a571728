/** Tokens that a call took: told by the model server, or estimated by us when it told nothing that can be. */
export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
}

const BYTES_A_TOKEN = 4
/** What a call is taken to say at most when neither the caller nor the table of models tells. */
const STANDARD_OUTPUT = 4096

/** What an answer, or an event, says of its usage; null when that is nothing a meter may count. */
export function readUsage(answer: unknown): Usage | null {
  const usage = member(member(answer, 'response'), 'usage') ?? member(answer, 'usage')
  const inputTokens = member(usage, 'input_tokens') ?? member(usage, 'prompt_tokens')
  const outputTokens = member(usage, 'output_tokens') ?? member(usage, 'completion_tokens') ?? 0
  return isCount(inputTokens) && isCount(outputTokens) ? { inputTokens, outputTokens } : null
}

/** About four bytes to a token; a streamed event carries about one. */
export function estimateUsage(requestBytes: number, outputTokens: number): Usage {
  return { inputTokens: Math.ceil(requestBytes / BYTES_A_TOKEN), outputTokens }
}

/** The most a model may say: what the caller allows, else what the model can hold. */
export function mostOutput(body: unknown, context: number | null): number {
  const names = ['max_output_tokens', 'max_completion_tokens', 'max_tokens']
  const allowed = names.map((name) => member(body, name)).find(isCount)
  return allowed ?? context ?? STANDARD_OUTPUT
}

export const tokensOfBytes = (bytes: number) => Math.ceil(bytes / BYTES_A_TOKEN)

export function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Record<string, unknown>)[name]
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) < 1e9
