import { useState } from 'preact/hooks'
import { call } from '../api.ts'
import { say } from '../words.ts'
import { Copy } from './copy.tsx'
import { Dialog } from './dialog.tsx'
import { Snippets } from './snippets.tsx'
import { Problem } from './states.tsx'

const scopes = ['responses', 'models', 'usage:read', 'account:read'] as const
const usual: readonly string[] = ['responses', 'models']
const lives = [30, 90, 365] as const
const DAY_MS = 86_400_000

interface NewKey {
  readonly name: string
  readonly key: string
}

/** Asks what a key is for, makes it, and shows it once. */
export function CreateKey({ onClose }: { readonly onClose: () => void }) {
  const [made, setMade] = useState<NewKey | null>(null)
  const title = made ? say('keyMade', { name: made.name }) : say('createKey')
  return (
    <Dialog title={title} onClose={onClose}>
      {made ? <Shown made={made} onClose={onClose} /> : <Form onMade={setMade} onClose={onClose} />}
    </Dialog>
  )
}

interface FormProps {
  readonly onMade: (made: NewKey) => void
  readonly onClose: () => void
}

function Form({ onMade, onClose }: FormProps) {
  const [cause, setCause] = useState<unknown>(null)
  const [busy, setBusy] = useState(false)
  const submit = async (event: SubmitEvent) => {
    event.preventDefault()
    setBusy(true)
    try {
      onMade(await call<NewKey>('POST', '/v1/api-keys', bodyOf(event.target as HTMLFormElement)))
    } catch (failure) {
      setCause(failure)
      setBusy(false)
    }
  }
  return (
    <form class="stack" onSubmit={submit}>
      <div class="field">
        <label for="key-name">{say('keyName')}</label>
        <input id="key-name" name="name" required maxLength={64} autocomplete="off" autofocus />
        <p class="hint">{say('keyNameHint')}</p>
      </div>
      <fieldset class="stack tight" style={{ border: 0, margin: 0, padding: 0 }}>
        <legend class="legend">{say('keyMay')}</legend>
        {scopes.map((scope) => (
          <label class="choice" key={scope}>
            <input
              type="checkbox"
              name="scopes"
              value={scope}
              defaultChecked={usual.includes(scope)}
            />
            <span>
              {say(`scope.${scope}`)} <code class="quiet-text">{scope}</code>
            </span>
          </label>
        ))}
      </fieldset>
      <div class="field">
        <label for="key-life">{say('keyEnds')}</label>
        <select id="key-life" name="life">
          {lives.map((days) => (
            <option value={days} key={days} selected={days === 90}>
              {say('inDays', { days })}
            </option>
          ))}
          <option value="">{say('never')}</option>
        </select>
      </div>
      <Problem cause={cause} />
      <div class="row">
        <button class="button" type="submit" disabled={busy}>
          {say('createKey')}
        </button>
        <button class="button quiet" type="button" onClick={onClose}>
          {say('cancel')}
        </button>
      </div>
    </form>
  )
}

function bodyOf(form: HTMLFormElement): object {
  const fields = new FormData(form)
  const days = Number(fields.get('life'))
  return {
    name: fields.get('name'),
    scopes: fields.getAll('scopes'),
    expires_at: days ? new Date(Date.now() + days * DAY_MS).toISOString() : null,
  }
}

function Shown({ made, onClose }: { readonly made: NewKey; readonly onClose: () => void }) {
  return (
    <>
      <p>{say('keyOnce')}</p>
      <code class="secret">{made.key}</code>
      <div class="row">
        <Copy text={made.key} label={say('copyKey')} />
      </div>
      <Snippets texts={snippetsFor(made.key)} />
      <div class="row">
        <button type="button" class="button" onClick={onClose}>
          {say('stored')}
        </button>
      </div>
    </>
  )
}

/** The first call with this key, ready to run. */
export function snippetsFor(key: string): Record<string, string> {
  const base = `${location.origin}/v1`
  return {
    curl: `curl ${base}/responses \\
  -H 'api-key: ${key}' \\
  -H 'content-type: application/json' \\
  -d '{"model":"echo-1","messages":[{"role":"user","content":"Hello"}]}'`,
    Python: `from openai import OpenAI

client = OpenAI(base_url="${base}", api_key="${key}")
print(client.responses.create(model="echo-1", input="Hello").output_text)`,
    JavaScript: `import OpenAI from 'openai'

const client = new OpenAI({ baseURL: '${base}', apiKey: '${key}' })
const response = await client.responses.create({ model: 'echo-1', input: 'Hello' })
console.log(response.output_text)`,
  }
}
