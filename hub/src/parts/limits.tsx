import type { ComponentChildren } from 'preact'
import type { Limit } from '../pages/usage.tsx'
import { ago, isWord, number, say } from '../words.ts'
import { Section } from './section.tsx'

interface LimitsProps {
  readonly limits: readonly Limit[]
  readonly nameOf: (key: string | null) => string
}

/** How far each limit is gone, by the counter that refuses. */
export function Limits({ limits, nameOf }: LimitsProps) {
  return (
    <Section title={say('limits')} lead={say('limitsLead')}>
      <LimitRows
        limits={limits}
        nameOf={(limit) => (
          <>
            {limit.level === 'person' ? say('allTogether') : nameOf(limit.key)}{' '}
            <span class="aside">{nameOfLimit(limit.limit)}</span>
          </>
        )}
      />
    </Section>
  )
}

interface LimitRowsProps {
  readonly limits: readonly Limit[]
  readonly nameOf: (limit: Limit) => ComponentChildren
}

export function LimitRows({ limits, nameOf }: LimitRowsProps) {
  return (
    <ul class="list">
      {limits.map((limit) => (
        <li class="stack tight" key={`${limit.key}${limit.limit}`}>
          <div class="row apart">
            <h3>{nameOf(limit)}</h3>
            <span>
              {amount(limit, limit.used)} / {amount(limit, limit.most)}
            </span>
          </div>
          <meter
            min={0}
            max={Math.max(1, limit.most)}
            high={limit.most * 0.9}
            value={limit.used}
            aria-label={nameOfLimit(limit.limit)}
          />
          <p class="hint">{say('resets', { when: ago(limit.resets_at) })}</p>
        </li>
      ))}
    </ul>
  )
}

export function nameOfLimit(limit: string): string {
  const word = `limit.${limit}`
  return isWord(word) ? say(word) : limit
}

/** Money is counted in millionths of its unit. */
function amount({ unit }: Limit, value: number): string {
  return number(unit === 'millionths' ? value / 1_000_000 : value)
}
