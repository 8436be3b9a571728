import { useRef, useState } from 'preact/hooks'
import { refusalOf, send } from '../api.ts'
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
  const [model, setModel] = useState('')
  const [question, setQuestion] = useState('')
  const asked = useAnswer()
  const chosen = model || models[0]?.id || 'echo-1'
  const submit = (event: Event) => {
    event.preventDefault()
    void asked.ask(chosen, question)
  }
  return (
    <>
      <div class="page-head">
        <h1>{say('try')}</h1>
        <p>{say('tryLead')}</p>
      </div>
      <form class="card stack" onSubmit={submit}>
        <div class="field">
          <label for="model">{say('model')}</label>
          <select
            id="model"
            value={chosen}
            onChange={(event) => setModel(event.currentTarget.value)}
          >
            {(models.length ? models : [{ id: chosen }]).map(({ id }) => (
              <option key={id}>{id}</option>
            ))}
          </select>
        </div>
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
      <Problem cause={asked.failure} />
      <section class="stack tight" aria-label={say('answer')}>
        {asked.text !== null && (
          <div class="card answer" aria-live="polite" aria-busy={asked.running}>
            {asked.text}
          </div>
        )}
        {asked.usage && (
          <p class="hint">
            {say('tokensUsed', {
              input: asked.usage.input_tokens,
              output: asked.usage.output_tokens,
            })}
          </p>
        )}
      </section>
      <section class="stack tight">
        <h2>{say('asCurl')}</h2>
        <Snippets texts={{ curl: curlFor(chosen, question || say('questionExample')) }} />
      </section>
    </>
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
      const answer = await send('POST', '/v1/responses', body, controller.signal)
      if (!answer.ok) throw refusalOf(answer, await answer.json().catch(() => null))
      for await (const event of eventsOf(answer)) setAnswered((before) => withEvent(before, event))
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
  return event.type === 'error' ? { ...before, failure: event } : before
}

/** A quote within a quoted word of a shell. */
const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`

function curlFor(model: string, input: string): string {
  return `curl -N ${location.origin}/v1/responses \\
  -H "api-key: $FREDDY_API_KEY" \\
  -H 'content-type: application/json' \\
  -d ${quoted(JSON.stringify({ model, input, stream: true }))}`
}
