import { useState } from 'preact/hooks'
import { call } from '../api.ts'
import { type Loaded, useLoad } from '../load.ts'
import type { Limit } from '../pages/usage.tsx'
import { say } from '../words.ts'
import { Dialog } from './dialog.tsx'
import { Form, Input } from './form.tsx'
import { LimitRows, nameOfLimit } from './limits.tsx'
import { Section } from './section.tsx'
import { Ready } from './states.tsx'
import { toast } from './toast.tsx'

const names = ['tokens_per_day', 'tokens_per_month', 'money_per_day', 'money_per_month'] as const

interface Budget {
  readonly is_standard: boolean
  readonly budget: Readonly<Record<(typeof names)[number], number | null>>
  readonly limits: readonly Limit[]
}

interface PersonBudgetProps {
  readonly id: string
  readonly onDone: () => void
}

/** What somebody may spend with all keys and sessions, and how much of it is gone. */
export function PersonBudget({ id, onDone }: PersonBudgetProps) {
  const path = `/v1/admin/users/${id}/budget`
  const budget = useLoad<Budget>(path)
  const [changing, setChanging] = useState(false)
  const button = (
    <button type="button" class="button quiet small" onClick={() => setChanging(true)}>
      {say('change')}
    </button>
  )
  return (
    <Section title={say('budget')} lead={say('budgetLead')} action={budget.value && button}>
      <Ready of={budget}>
        {({ limits, is_standard }) => (
          <>
            {limits.length > 0 ? (
              <LimitRows limits={limits} nameOf={(limit) => nameOfLimit(limit.limit)} />
            ) : (
              <p class="quiet-text">{say('noBudget')}</p>
            )}
            <p class="hint">{say(is_standard ? 'budgetStandard' : 'budgetOwn')}</p>
          </>
        )}
      </Ready>
      {changing && budget.value && (
        <Change
          path={path}
          budget={budget}
          shown={budget.value}
          onDone={onDone}
          onClose={() => setChanging(false)}
        />
      )}
    </Section>
  )
}

interface ChangeProps {
  readonly path: string
  readonly budget: Loaded<Budget>
  readonly shown: Budget
  readonly onDone: () => void
  readonly onClose: () => void
}

function Change({ path, budget, shown, onDone, onClose }: ChangeProps) {
  const set = async (wanted: object | null) => {
    budget.put(await call<Budget>('PUT', path, { budget: wanted }))
    toast(say('saved'))
    onClose()
    onDone()
  }
  return (
    <Dialog title={say('budgetTitle')} onClose={onClose}>
      <Form
        button={say('save')}
        onCancel={onClose}
        submit={async (typed) => {
          const named = names.flatMap((name) => (typed[name] ? [[name, Number(typed[name])]] : []))
          await set(Object.fromEntries(named))
        }}
      >
        <p>{say('budgetHint')}</p>
        {names.map((name, index) => (
          <Input
            key={name}
            name={name}
            type="number"
            label={nameOfLimit(name)}
            value={String(shown.budget[name] ?? '')}
            min={name.startsWith('money') ? '0.000001' : '1'}
            step={name.startsWith('money') ? 'any' : '1'}
            optional
            {...(index === 0 ? { focus: true as const } : {})}
          />
        ))}
      </Form>
      {!shown.is_standard && (
        <Form button={say('budgetReset')} tone="quiet" submit={() => set(null)}>
          {null}
        </Form>
      )}
    </Dialog>
  )
}
