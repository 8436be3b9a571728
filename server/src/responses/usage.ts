/** Tokens that a call took: told by the model server, or estimated by us when it told nothing that can be. */
export interface Usage {
  readonly inputTokens: number
  readonly outputTokens: number
}

const BYTES_A_TOKEN = 4
/** No call takes so many tokens: what says more is not believed. */
const MOST_COUNT = 999_999_999
/** What a call is taken to say at most when neither the caller nor the table of models tells. */
const STANDARD_OUTPUT = 4096

/** What an answer, or an event, says of its usage; null when that is nothing a meter may count. */
export function readUsage(answer: unknown): Usage | null {
  const usage = member(member(answer, 'response'), 'usage') ?? member(answer, 'usage')
  const inputTokens = member(usage, 'input_tokens') ?? member(usage, 'prompt_tokens')
  const outputTokens = member(usage, 'output_tokens') ?? member(usage, 'completion_tokens') ?? 0
  return isCount(inputTokens) && isCount(outputTokens) ? { inputTokens, outputTokens } : null
}

const underWay: readonly unknown[] = ['queued', 'in_progress']

/** Whether a response is still being made: what it takes is told when it is done, perhaps to nobody. */
export const isUnderWay = (response: unknown) => underWay.includes(member(response, 'status'))

/** Whether the model server is asked to go on without its caller; some take more than `true` for a yes. */
export function asksBackground(path: AskPath, body: unknown): boolean {
  const asked = member(body, 'background') ?? false
  return path === '/responses' && asked !== false
}

/** About four bytes to a token; a streamed event carries about one. */
export function estimateUsage(requestBytes: number, outputTokens: number): Usage {
  return { inputTokens: Math.ceil(requestBytes / BYTES_A_TOKEN), outputTokens }
}

/** Where the gateway takes questions, and by which names their answers are bounded there. */
const bounds = {
  '/responses': ['max_output_tokens'],
  '/chat/completions': ['max_completion_tokens', 'max_tokens'],
  '/embeddings': [],
} as const satisfies Record<string, readonly string[]>

export type AskPath = keyof typeof bounds

/** The most a model may say: what the caller allows for each choice, else what the model can hold. */
export function mostOutput(path: AskPath, body: unknown, context: number | null): number {
  if (path === '/embeddings') return 0
  // Of two bounds the model server heeds one, and nobody says which.
  const allowed = bounds[path].map((name) => member(body, name)).filter(isCount)
  const said = allowed.length > 0 ? Math.max(...allowed) : (context ?? STANDARD_OUTPUT)
  const choices = member(body, 'n')
  const each = context === null ? said : Math.min(said, context)
  return Math.min(each * (isCount(choices) ? Math.max(1, choices) : 1), MOST_COUNT)
}

/** Parts that weigh more than their bytes: pictures and files by name, and what the model server remembers. */
const heavy =
  /"(previous_response_id|conversation|prompt|file_id|file_url|image_url|input_image)"\s*:/

/** What a question is taken to weigh before it is asked; the model's whole context where its bytes do not tell. */
export function mostInput(bytes: Buffer, context: number | null): number {
  const told = tokensOfBytes(bytes.length)
  if (context === null) return told
  return heavy.test(bytes.toString('latin1')) ? Math.max(told, context) : told
}

export const tokensOfBytes = (bytes: number) => Math.ceil(bytes / BYTES_A_TOKEN)

export function member(value: unknown, name: string): unknown {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
  return (value as Record<string, unknown>)[name]
}

const isCount = (value: unknown): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0 && (value as number) <= MOST_COUNT
