import { useRef, useState } from 'preact/hooks'
import { Refusal, requireFine, send } from '../api.ts'
import { useLoad } from '../load.ts'
import { Snippets } from '../parts/snippets.tsx'
import { Problem } from '../parts/states.tsx'
import { eventsOf } from '../stream.ts'
import { say } from '../words.ts'

interface Models {
  readonly data: readonly { readonly id: string }[]
}

/** A question to a model, its answer as it comes, and the call as one would write it. */
export function TryPage() {
  const models = useLoad<Models>('/v1/models').value?.data ?? []
  const [model, setModel] = useState<string | null>(null)
  const [question, setQuestion] = useState('')
  const asked = useAnswer()
  const chosen = model ?? models[0]?.id ?? ''
  return (
    <>
      <div class="page-head">
        <h1>{say('try')}</h1>
        <p>{say('tryLead')}</p>
      </div>
      <form
        class="card stack"
        onSubmit={(event) => {
          event.preventDefault()
          void asked.ask(chosen, question)
        }}
      >
        <ModelField models={models} value={chosen} choose={setModel} />
        <div class="field">
          <label for="question">{say('question')}</label>
          <textarea
            id="question"
            required
            placeholder={say('questionExample')}
            value={question}
            onInput={(event) => setQuestion(event.currentTarget.value)}
          />
        </div>
        <div class="row">
          {asked.running ? (
            <button type="button" class="button quiet" onClick={asked.stop}>
              {say('stop')}
            </button>
          ) : (
            <button type="submit" class="button">
              {say('ask')}
            </button>
          )}
        </div>
      </form>
      <Answer of={asked} />
      <section class="stack tight">
        <h2>{say('asCurl')}</h2>
        <Snippets texts={{ curl: curlFor(chosen, question || say('questionExample')) }} />
      </section>
    </>
  )
}

interface ModelFieldProps {
  readonly models: Models['data']
  readonly value: string
  readonly choose: (model: string) => void
}

/** A server may answer for names that it does not list: any can be typed. */
function ModelField({ models, value, choose }: ModelFieldProps) {
  return (
    <div class="field">
      <label for="model">{say('model')}</label>
      <input
        id="model"
        list="models"
        required
        autocomplete="off"
        maxLength={200}
        value={value}
        onInput={(event) => choose(event.currentTarget.value)}
      />
      <datalist id="models">
        {models.map(({ id }) => (
          <option key={id} value={id} />
        ))}
      </datalist>
    </div>
  )
}

function Answer({ of: asked }: { readonly of: Answered }) {
  const { usage } = asked
  return (
    <section class="stack tight" aria-label={say('answer')}>
      <Problem cause={asked.failure} />
      {asked.text !== null && (
        <div class="card answer" aria-live="polite" aria-busy={asked.running}>
          {asked.text}
        </div>
      )}
      {usage && (
        <p class="hint">
          {say('tokensUsed', { input: usage.input_tokens, output: usage.output_tokens })}
        </p>
      )}
    </section>
  )
}

interface Usage {
  readonly input_tokens: number
  readonly output_tokens: number
}

interface Answered {
  readonly text: string | null
  readonly usage: Usage | null
  readonly failure: unknown
  readonly running: boolean
}

const nothing: Answered = { text: null, usage: null, failure: null, running: false }

function useAnswer() {
  const [answered, setAnswered] = useState(nothing)
  const cut = useRef<AbortController | null>(null)
  const ask = async (model: string, input: string) => {
    const controller = new AbortController()
    cut.current = controller
    setAnswered({ ...nothing, text: '', running: true })
    const body = { model, input, stream: true }
    try {
      const answer = await requireFine(await send('POST', '/v1/responses', body, controller.signal))
      let ended = false
      for await (const event of eventsOf(answer)) {
        ended ||= requireGood(event)
        setAnswered((before) => withEvent(before, event))
      }
      // Half an answer is not taken for a whole one.
      if (!ended) throw new Refusal(502, cut, answer.headers.get('x-request-id') ?? '')
    } catch (failure) {
      if (!controller.signal.aborted) setAnswered((before) => ({ ...before, failure }))
    } finally {
      setAnswered((before) => ({ ...before, running: false }))
    }
  }
  return { ...answered, ask, stop: () => cut.current?.abort() }
}

function withEvent(before: Answered, event: Record<string, unknown>): Answered {
  if (event.type === 'response.output_text.delta') {
    return { ...before, text: `${before.text ?? ''}${event.delta}` }
  }
  if (event.type === 'response.completed') {
    return { ...before, usage: (event.response as { usage?: Usage }).usage ?? null }
  }
  return before
}

const cut = { error: { code: 'UPSTREAM_ERROR' } }

/** Whether this is the last event of a whole answer; throws when it says that there will be none. */
function requireGood(event: Record<string, unknown>): boolean {
  const isBad = event.type === 'error' || event.type === 'response.failed'
  const { trace_id = '' } = (event.error ?? {}) as { trace_id?: string }
  if (isBad) throw new Refusal(502, event.type === 'error' ? event : cut, trace_id)
  return event.type === 'response.completed' || event.type === 'response.incomplete'
}

/** A quote within a quoted word of a shell. */
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

function curlFor(model: string, input: string): string {
  return `curl -N ${location.origin}/v1/responses \\
  -H "api-key: $FREDDY_API_KEY" \\
  -H 'content-type: application/json' \\
  -d ${quoted(JSON.stringify({ model, input, stream: true }))}`
}
