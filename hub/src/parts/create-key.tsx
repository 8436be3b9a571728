import { useState } from 'preact/hooks'
import { call } from '../api.ts'
import { say } from '../words.ts'
import { Dialog } from './dialog.tsx'
import { Form, Input } from './form.tsx'
import { nameOfLimit } from './limits.tsx'
import { type NewKey, ShownKey } from './shown-key.tsx'

const scopes = ['responses', 'models', 'usage:read', 'account:read', 'keys:derive'] as const
const usual: readonly string[] = ['responses', 'models']
const lives = [30, 90, 365] as const
const limits = [
  'requests_per_minute',
  'tokens_per_day',
  'tokens_per_month',
  'money_per_month',
] as const
const DAY_MS = 86_400_000

/** Asks what a key is for, makes it, and shows it once. */
export function CreateKey({ onClose }: { readonly onClose: () => void }) {
  const [made, setMade] = useState<NewKey | null>(null)
  const title = made ? say('keyMade', { name: made.name }) : say('createKey')
  return (
    <Dialog title={title} onClose={onClose}>
      {made ? (
        <ShownKey made={made} onClose={onClose} />
      ) : (
        <Ask onMade={setMade} onClose={onClose} />
      )}
    </Dialog>
  )
}

interface AskProps {
  readonly onMade: (made: NewKey) => void
  readonly onClose: () => void
}

function Ask({ onMade, onClose }: AskProps) {
  return (
    <Form
      button={say('createKey')}
      onCancel={onClose}
      submit={async (_, form) => onMade(await call<NewKey>('POST', '/v1/api-keys', bodyOf(form)))}
    >
      <Input name="name" label={say('keyName')} hint={say('keyNameHint')} maxLength={64} focus />
      <Scopes />
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
      <Narrower />
    </Form>
  )
}

function Scopes() {
  return (
    <fieldset class="plain stack tight">
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
  )
}

/** What few keys need. */
function Narrower() {
  return (
    <details>
      <summary>{say('keyNarrow')}</summary>
      <div class="stack">
        <Input
          name="models"
          label={say('models')}
          hint={say('modelsHint')}
          maxLength={2000}
          optional
        />
        <Input
          name="networks"
          label={say('networks')}
          hint={say('networksHint')}
          maxLength={1000}
          optional
        />
        {limits.map((limit) => (
          <Input
            key={limit}
            name={limit}
            label={nameOfLimit(limit)}
            inputMode="numeric"
            maxLength={15}
            optional
          />
        ))}
      </div>
    </details>
  )
}

function bodyOf(form: HTMLFormElement): object {
  const fields = new FormData(form)
  const text = (name: string) => String(fields.get(name) ?? '').trim()
  const list = (name: string) =>
    text(name)
      .split(/[\s,]+/)
      .filter(Boolean)
  const days = Number(text('life'))
  const set = limits.filter((limit) => text(limit))
  return {
    name: text('name'),
    scopes: fields.getAll('scopes'),
    expires_at: days ? new Date(Date.now() + days * DAY_MS).toISOString() : null,
    ...(list('models').length ? { models: list('models') } : {}),
    ...(list('networks').length ? { networks: list('networks') } : {}),
    ...(set.length
      ? { limits: Object.fromEntries(set.map((limit) => [limit, Number(text(limit))])) }
      : {}),
  }
}
