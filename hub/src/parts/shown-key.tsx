import { say } from '../words.ts'
import { Copy } from './copy.tsx'
import { Snippets } from './snippets.tsx'

export interface NewKey {
  readonly name: string
  readonly key: string
}

/** A new secret, the only time that it is there to be seen, with a first call. */
export function ShownKey({
  made,
  onClose,
}: {
  readonly made: NewKey
  readonly onClose: () => void
}) {
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

function snippetsFor(key: string): Record<string, string> {
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
