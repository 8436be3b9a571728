import { useLoad } from '../load.ts'
import { number, say, span } from '../words.ts'
import { Section } from './section.tsx'
import { Ready } from './states.tsx'

interface Row {
  readonly name: string
  readonly value: string
}

/** As `GET /v1/admin/settings` tells them; the values of limits and budgets are JSON. */
export interface Settings {
  readonly settings: readonly (Row & { readonly sentence: string })[]
  readonly limits: readonly Row[]
  readonly budgets: readonly Row[]
}

interface Bucket {
  readonly calls: number
  readonly perMs: number
  readonly burst: number
}

interface Budget {
  readonly windows: readonly {
    readonly tries: number
    readonly withinMs: number
    readonly thenEveryMs?: number
  }[]
  readonly streak?: { readonly after: number; readonly everyMs: number }
}

/** What is in force: settings, of a secret only whether it is set; traffic limits; guess budgets. */
export function AdminSettings() {
  const settings = useLoad<Settings>('/v1/admin/settings')
  return (
    <Ready of={settings}>
      {(value) => (
        <div class="stack wide">
          <Section title={say('settings')} lead={say('settingsLead')}>
            <ul class="list">
              {value.settings.map(({ name, value: text, sentence }) => (
                <li class="stack tight" key={name}>
                  <div class="row apart">
                    <h3 class="mono">{name}</h3>
                    <span class="mono breaks">{text || '–'}</span>
                  </div>
                  <p class="hint">{sentence}</p>
                </li>
              ))}
            </ul>
          </Section>
          <Section title={say('trafficLimits')} lead={say('trafficLead')}>
            <Table rows={value.limits} tell={(text) => limitOf(JSON.parse(text))} />
          </Section>
          <Section title={say('guessBudgets')} lead={say('guessLead')}>
            <Table rows={value.budgets} tell={(text) => budgetOf(JSON.parse(text))} />
          </Section>
          <p class="hint">
            <a href="/docs/rate-limits">{say('whatTheyCount')}</a>
          </p>
        </div>
      )}
    </Ready>
  )
}

interface TableProps {
  readonly rows: readonly Row[]
  readonly tell: (value: string) => string
}

function Table({ rows, tell }: TableProps) {
  return (
    <dl class="card pairs">
      {rows.map(({ name, value }) => (
        <div key={name}>
          <dt class="mono breaks">{name}</dt>
          <dd>{tell(value)}</dd>
        </div>
      ))}
    </dl>
  )
}

function limitOf(buckets: readonly Bucket[]): string {
  if (buckets.length === 0) return say('noLimit')
  return buckets
    .map(({ calls, perMs, burst }) => {
      const most = say('countWithin', { count: number(calls), span: span(perMs) })
      return burst === calls ? most : `${most}, ${say('atOnceMost', { count: number(burst) })}`
    })
    .join('; ')
}

function budgetOf({ windows, streak }: Budget): string {
  const told = windows.map(({ tries, withinMs, thenEveryMs }) => {
    const most = say('countWithin', { count: number(tries), span: span(withinMs) })
    return thenEveryMs ? `${most}, ${say('thenOneEach', { span: span(thenEveryMs) })}` : most
  })
  const row = streak
    ? [say('afterInARow', { count: number(streak.after), span: span(streak.everyMs) })]
    : []
  return [...told, ...row].join('; ')
}
