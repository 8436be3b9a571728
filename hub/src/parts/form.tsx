import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'
import { useAct } from '../act.ts'
import { say } from '../words.ts'
import { Problem } from './states.tsx'

interface FormProps {
  readonly button: string
  readonly tone?: 'danger' | 'quiet'
  readonly class?: string
  /** Beside the main button: a way out. */
  readonly onCancel?: () => void
  /** Gets what was typed, by name; what it throws is shown. */
  readonly submit: (typed: Readonly<Record<string, string>>, form: HTMLFormElement) => Promise<void>
  readonly children: ComponentChildren
}

/** Fields, what went wrong, and a button that is pressed once at a time. */
export function Form({ button, tone, onCancel, submit, children, ...rest }: FormProps) {
  const { busy, failure, act } = useAct()
  const onSubmit = (event: SubmitEvent) => {
    event.preventDefault()
    const form = event.target as HTMLFormElement
    const typed = Object.fromEntries(
      [...new FormData(form)].map(([name, value]) => [name, String(value)]),
    )
    void act(() => submit(typed, form))
  }
  return (
    <form class={`stack ${rest.class ?? ''}`} onSubmit={onSubmit}>
      {children}
      <Problem cause={failure} />
      <div class="row">
        <button type="submit" class={`button ${tone ?? ''}`} disabled={busy}>
          {button}
        </button>
        {onCancel && (
          <button type="button" class="button quiet" onClick={onCancel}>
            {say('cancel')}
          </button>
        )}
      </div>
    </form>
  )
}

interface InputProps {
  readonly name: string
  readonly label: string
  readonly type?: 'text' | 'email' | 'password' | 'number' | 'datetime-local'
  readonly autocomplete?: string
  readonly value?: string
  readonly hint?: string
  readonly maxLength?: number
  readonly inputMode?: 'numeric'
  readonly min?: string
  readonly step?: string
  readonly optional?: true
  /** Where one begins. */
  readonly focus?: true
}

/** A field with its label and a hint. */
export function Input({ label, hint, value, optional, focus, type = 'text', ...rest }: InputProps) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{label}</label>
      <input
        id={id}
        // Which of them it is makes no difference to its other attributes.
        type={type as 'text'}
        defaultValue={value ?? ''}
        required={!optional}
        autofocus={focus ?? false}
        maxLength={256}
        autocomplete="off"
        {...(hint ? { 'aria-describedby': `${id}-hint` } : {})}
        {...rest}
      />
      {hint && (
        <p class="hint" id={`${id}-hint`}>
          {hint}
        </p>
      )}
    </div>
  )
}
