import type { Spread } from '../statistics.ts'

/** How a table says what was found. */

export const row = (...cells: readonly string[]) => `| ${cells.join(' | ')} |`

/** Stands before the first line of its group. */
export function headOf({ title, goal }: { title: string; goal?: string }, index: number): string {
  if (index > 0) return ''
  return goal ? `${title} (${goal})` : title
}

export function toldRatio({ median, least, most }: Spread): string {
  return `**${median.toFixed(2)}** (${least.toFixed(2)} to ${most.toFixed(2)})`
}

export const megabytes = (bytes: number) => (bytes / 1e6).toFixed(0)

/** Three digits that mean something. */
export function amount(value: number): string {
  return value < 100 ? value.toPrecision(3) : Math.round(value).toLocaleString('en')
}
