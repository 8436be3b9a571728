import type { ComponentChildren } from 'preact'
import { useState } from 'preact/hooks'
import { Dialog } from './dialog.tsx'
import { Form } from './form.tsx'

interface ConfirmProps {
  /** What the button on the page says. */
  readonly opens: string
  readonly title: string
  /** What the button in the dialog says. */
  readonly button: string
  readonly tone?: 'danger'
  readonly act: () => Promise<void>
  readonly children: ComponentChildren
}

/** A button that asks before it does something to somebody else. */
export function Confirm({ opens, title, button, tone, act, children }: ConfirmProps) {
  const [asking, setAsking] = useState(false)
  const close = () => setAsking(false)
  return (
    <>
      <button
        type="button"
        class={`button quiet small ${tone ?? ''}`}
        onClick={() => setAsking(true)}
      >
        {opens}
      </button>
      {asking && (
        <Dialog title={title} onClose={close}>
          <Form
            button={button}
            {...(tone ? { tone } : {})}
            onCancel={close}
            submit={async () => {
              await act()
              close()
            }}
          >
            {children}
          </Form>
        </Dialog>
      )}
    </>
  )
}
