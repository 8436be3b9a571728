import { EventEmitter, once } from 'node:events'
import type { ServerResponse } from 'node:http'
import {
  beginEvents,
  event,
  type Heard,
  json,
  type ModelServer,
  response,
  startModelServer,
} from './model-server.ts'

/** How a call goes; who asks says so in the request itself, and both sides keep to it. */
export const fates = [
  'told',
  'silent',
  'lying',
  'refused',
  'failing',
  'busy',
  'left',
  'stream told',
  'stream silent',
  'stream lying',
  'stream cut',
  'stream told, then cut',
  'stream reset',
  'stream left',
] as const
export type Fate = (typeof fates)[number]

export interface Plan {
  readonly fate: Fate
  readonly events: number
  readonly input: number
  readonly output: number
}

export interface Charge {
  readonly input: number
  readonly output: number
}

/** A model server that bills by itself: what it told, else four bytes a token and a token an event. */
export interface BillingModel {
  readonly model: ModelServer
  /** By the request's id. */
  readonly bill: ReadonlyMap<string, Charge>
  /** Resolves when this request has arrived. */
  arrived(requestId: string): Promise<void>
  /** Breaks the stream of this request. */
  reset(requestId: string): void
}

export async function startBillingModel(): Promise<BillingModel> {
  const bill = new Map<string, Charge>()
  const news = new EventEmitter().setMaxListeners(0)
  const heard = new Set<string>()
  const open = new Map<string, ServerResponse>()
  const busy = new Set<string>()
  const model = await startModelServer()
  model.behave((answer, ask) => {
    const id = String(ask.headers['x-request-id'])
    const { plan } = JSON.parse(ask.body) as { plan: Plan }
    heard.add(id)
    open.set(id, answer)
    news.emit(id)
    const isFirstTry = plan.fate === 'busy' && !busy.has(id)
    busy.add(id)
    if (isFirstTry) return json(answer, {}, 503)
    const charge = serve(answer, ask, plan)
    if (charge) bill.set(id, charge)
    return undefined
  })
  return {
    model,
    bill,
    async arrived(id) {
      if (!heard.has(id)) await once(news, id)
    },
    reset: (id) => void open.get(id)?.socket?.resetAndDestroy(),
  }
}

const nonsense = [
  { input_tokens: -5, output_tokens: 1 },
  { input_tokens: '9', output_tokens: 1 },
  { input_tokens: 1e12, output_tokens: 1 },
  { input_tokens: 1.5, output_tokens: 1 },
  7,
]

/** Answers as planned; what it charges for it, null for nothing. */
function serve(answer: ServerResponse, ask: Heard, plan: Plan): Charge | null {
  const input = Math.ceil(Buffer.byteLength(ask.body) / 4)
  const told = { input: plan.input, output: plan.output }
  const wrong = nonsense[plan.events % nonsense.length]
  switch (plan.fate) {
    case 'refused':
      json(answer, { error: { message: 'no' } }, 400)
      return null
    case 'failing':
      json(answer, { error: { message: 'oh' } }, 500)
      return null
    case 'told':
    case 'busy':
      json(answer, response('x', { input_tokens: told.input, output_tokens: told.output }))
      return told
    case 'silent':
    case 'lying':
      return speak(answer, input, plan.fate === 'lying' ? wrong : undefined, ask.path)
    case 'left':
      return { input, output: JSON.parse(ask.body).max_output_tokens }
    case 'stream left':
      return { input, output: 0 }
    default:
      return stream(answer, plan, input, wrong)
  }
}

function speak(answer: ServerResponse, input: number, usage: unknown, path: string): Charge {
  const text = JSON.stringify({ ...response('x', usage), usage })
  answer.writeHead(200, { 'content-type': 'application/json' }).end(text)
  const isVector = path.endsWith('/embeddings')
  return { input, output: isVector ? 0 : Math.ceil(Buffer.byteLength(text) / 4) }
}

function stream(answer: ServerResponse, plan: Plan, input: number, wrong: unknown): Charge {
  const told = { input_tokens: plan.input, output_tokens: plan.output }
  const last = (usage: unknown) =>
    event({ type: 'response.completed', response: { id: 'resp_1', usage } })
  beginEvents(answer)
  for (let count = 0; count < plan.events; count++) {
    answer.write(event({ type: 'response.output_text.delta', delta: `word ${count}` }))
  }
  const guessed = { input, output: plan.events }
  if (plan.fate === 'stream told' || plan.fate === 'stream told, then cut') {
    answer.write(last(told))
    if (plan.fate === 'stream told') answer.end()
    return { input: plan.input, output: plan.output }
  }
  if (plan.fate === 'stream silent') answer.end()
  if (plan.fate === 'stream lying') {
    answer.end(last(wrong))
    return { input, output: plan.events + 1 }
  }
  return guessed
}
