import { useList, useLoad } from '../load.ts'
import { Bars } from '../parts/bars.tsx'
import { Calls } from '../parts/calls.tsx'
import { Limits } from '../parts/limits.tsx'
import { Raise } from '../parts/raise.tsx'
import { Section } from '../parts/section.tsx'
import { Ready } from '../parts/states.tsx'
import { number, say } from '../words.ts'

/** What was used in some stretch, as `GET /v1/usage` sums it. */
export interface Sums {
  readonly calls: number
  readonly input_tokens: number
  readonly output_tokens: number
  readonly money_millionths: number
}

export interface Usage {
  readonly total: Sums
  readonly data: readonly (Sums & {
    readonly day?: string
    readonly key?: string | null
    readonly model?: string
  })[]
  readonly limits: readonly Limit[]
}

export interface Limit {
  readonly level: 'person' | 'parent' | 'key'
  readonly key: string | null
  readonly limit: string
  readonly unit: 'tokens' | 'millionths'
  readonly used: number
  readonly most: number
  readonly resets_at: string
}

interface NamedKey {
  readonly id: string
  readonly name: string
}

/** What was used today and this month, by key and model, and how far the limits are gone. */
export function UsagePage() {
  const days = useLoad<Usage>('/v1/usage?by=day')
  const models = useLoad<Usage>('/v1/usage?by=model')
  const keys = useLoad<Usage>('/v1/usage?by=key')
  const named = useList<NamedKey>('/v1/api-keys').value ?? []
  const nameOf = (id: string | null | undefined) =>
    named.find((key) => key.id === id)?.name ?? id ?? say('inTheHub')
  return (
    <>
      <div class="page-head">
        <h1>{say('usage')}</h1>
        <p>{say('usageLead')}</p>
      </div>
      <Raise nameOf={nameOf} onGranted={days.reload} />
      <Ready of={days}>
        {(value) => (
          <>
            <Tiles usage={value} />
            <Section title={say('byDay')} lead={say('thisMonth')}>
              <Bars rows={value.data.map((row) => ({ name: row.day ?? '', ...row }))} />
            </Section>
            {value.limits.length > 0 && <Limits limits={value.limits} nameOf={nameOf} />}
          </>
        )}
      </Ready>
      <Ready of={models}>
        {({ data }) => (
          <Table
            title={say('byModel')}
            rows={data.map((row) => ({ name: row.model ?? '', ...row }))}
          />
        )}
      </Ready>
      <Ready of={keys}>
        {({ data }) => (
          <Table
            title={say('byKey')}
            rows={data.map((row) => ({ name: nameOf(row.key), ...row }))}
          />
        )}
      </Ready>
      <Calls nameOf={nameOf} />
    </>
  )
}

const tokensOf = ({ input_tokens, output_tokens }: Sums) => input_tokens + output_tokens

function Tiles({ usage }: { readonly usage: Usage }) {
  const day = new Date().toISOString().slice(0, 10)
  const today = usage.data.find((row) => row.day === day)
  return (
    <dl class="tiles">
      <Tile name={say('today')} of={today} />
      <Tile name={say('thisMonth')} of={usage.total} />
    </dl>
  )
}

function Tile({ name, of }: { readonly name: string; readonly of: Sums | undefined }) {
  return (
    <div class="card stack tight">
      <dt>{name}</dt>
      <dd class="tile">{number(of ? tokensOf(of) : 0)}</dd>
      <dd class="hint">{say('tokensInCalls', { calls: number(of?.calls ?? 0) })}</dd>
    </div>
  )
}

interface TableProps {
  readonly title: string
  readonly rows: readonly (Sums & { readonly name: string })[]
}

function Table({ title, rows }: TableProps) {
  return (
    <section class="stack">
      <h2>{title}</h2>
      {rows.length === 0 ? (
        <p class="quiet-text">{say('nothingYet')}</p>
      ) : (
        <div class="table-box card">
          <UsageTable rows={rows} caption={title} />
        </div>
      )}
    </section>
  )
}

export function UsageTable({ rows, caption }: Pick<TableProps, 'rows'> & { caption: string }) {
  return (
    <table>
      <caption class="visually-hidden">{caption}</caption>
      <thead>
        <tr>
          <th scope="col">{say('keyName')}</th>
          <th scope="col" class="number">
            {say('calls')}
          </th>
          <th scope="col" class="number">
            {say('tokensIn')}
          </th>
          <th scope="col" class="number">
            {say('tokensOut')}
          </th>
        </tr>
      </thead>
      <tbody>
        {rows.map((row) => (
          <tr key={row.name}>
            <th scope="row" class="breaks">
              {row.name}
            </th>
            <td class="number">{number(row.calls)}</td>
            <td class="number">{number(row.input_tokens)}</td>
            <td class="number">{number(row.output_tokens)}</td>
          </tr>
        ))}
      </tbody>
    </table>
  )
}
