import type { Sums } from '../pages/usage.tsx'
import { UsageTable } from '../pages/usage.tsx'
import { day, number, say } from '../words.ts'

const HEIGHT = 120
const SLOT = 24

type Row = Sums & { readonly name: string }

/** Tokens a day of this month as bars, and the same as a table for who reads rather than looks. */
export function Bars({ rows }: { readonly rows: readonly Row[] }) {
  const month = monthOf(rows)
  const most = Math.max(1, ...month.map(totalOf))
  const sum = month.reduce((all, row) => all + totalOf(row), 0)
  return (
    <figure class="card stack">
      <svg
        class="bars"
        viewBox={`0 0 ${month.length * SLOT} ${HEIGHT + 18}`}
        role="img"
        aria-label={say('barsAre', { count: number(sum) })}
      >
        {month.map((row, place) => {
          const height = Math.round((totalOf(row) / most) * HEIGHT)
          return (
            <g key={row.name}>
              <rect
                class={height ? 'bar-rect' : 'bar-none'}
                x={place * SLOT + 3}
                y={HEIGHT - Math.max(height, 2)}
                width={SLOT - 6}
                height={Math.max(height, 2)}
                rx="2"
              >
                <title>{`${day(row.name)}: ${number(totalOf(row))}`}</title>
              </rect>
              {(place === 0 || (place + 1) % 5 === 0) && (
                <text x={place * SLOT + SLOT / 2} y={HEIGHT + 14} text-anchor="middle">
                  {place + 1}
                </text>
              )}
            </g>
          )
        })}
      </svg>
      <details>
        <summary>{say('asTable')}</summary>
        <UsageTable rows={rows} caption={say('byDay')} />
      </details>
    </figure>
  )
}

const totalOf = ({ input_tokens, output_tokens }: Sums) => input_tokens + output_tokens

/** Every day of the UTC month until today, those without a call too. */
function monthOf(rows: readonly Row[]): Row[] {
  const today = new Date().toISOString().slice(0, 10)
  return Array.from({ length: Number(today.slice(8)) }, (_, place) => {
    const name = `${today.slice(0, 8)}${String(place + 1).padStart(2, '0')}`
    const none = { name, calls: 0, input_tokens: 0, output_tokens: 0, money_millionths: 0 }
    return rows.find((row) => row.name === name) ?? none
  })
}
