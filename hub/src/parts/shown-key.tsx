import { useLoad } from '../load.ts'
import { say } from '../words.ts'
import { Copy } from './copy.tsx'
import { Snippets } from './snippets.tsx'

export interface NewKey {
  readonly name: string
  readonly key: string
  /** Exact names, or beginnings with a star behind; null for all. */
  readonly models: readonly string[] | null
}

interface Models {
  readonly data: readonly { readonly id: string }[]
}

/** A new secret, the only time that it is there to be seen, with a first call. */
export function ShownKey({
  made,
  onClose,
}: {
  readonly made: NewKey
  readonly onClose: () => void
}) {
  const models = useLoad<Models>('/v1/models').value?.data
  const model = models && firstFor(made.models, models)
  return (
    <>
      <p>{say('keyOnce')}</p>
      <code class="secret">{made.key}</code>
      <div class="row">
        <Copy text={made.key} label={say('copyKey')} />
      </div>
      {model && <Snippets texts={snippetsFor(made.key, model)} />}
      <div class="row">
        <button type="button" class="button" onClick={onClose}>
          {say('stored')}
        </button>
      </div>
    </>
  )
}

/** A model that answers here and that the key is for. */
function firstFor(names: NewKey['models'], models: Models['data']): string {
  const fits = (id: string) =>
    names === null ||
    names.some((name) => (name.endsWith('*') ? id.startsWith(name.slice(0, -1)) : id === name))
  const plain = names?.find((name) => !name.endsWith('*'))
  return models.find(({ id }) => fits(id))?.id ?? plain ?? 'MODEL'
}

function snippetsFor(key: string, model: string): Record<string, string> {
  const base = `${location.origin}/v1`
  return {
    curl: `curl ${base}/responses \\
  -H 'api-key: ${key}' \\
  -H 'content-type: application/json' \\
  -d '{"model":"${model}","messages":[{"role":"user","content":"Hello"}]}'`,
    Python: `from openai import OpenAI

client = OpenAI(base_url="${base}", api_key="${key}")
print(client.responses.create(model="${model}", input="Hello").output_text)`,
    JavaScript: `import OpenAI from 'openai'

const client = new OpenAI({ baseURL: '${base}', apiKey: '${key}' })
const response = await client.responses.create({ model: '${model}', input: 'Hello' })
console.log(response.output_text)`,
  }
}
