import type { Result } from './result.ts'
import { ratios, spreadOf } from './statistics.ts'
import { valuesOf } from './tables/comparisons.ts'
import { tailOf } from './tables/disturbances.ts'

/** One line of a plot: a bar up to the median, and a thin line from the smallest to the largest. */
interface Bar {
  readonly label: string
  readonly median: number
  readonly least: number
  readonly most: number
  readonly told: string
  readonly tone: 'floor' | 'ours' | 'peer'
}

interface Group {
  readonly title: string
  readonly bars: readonly Bar[]
}

const WIDTH = 900
const LEFT = 270
const RIGHT = 130
const LINE = 22
const HEAD = 34

const style = `
  text { font: 12px system-ui, sans-serif; fill: #24292f }
  .title { font-weight: 600; font-size: 13px }
  .told { fill: #57606a }
  .floor { fill: #b6bec8 } .ours { fill: #2f6feb } .peer { fill: #d4a72c }
  .span { stroke: #24292f; stroke-width: 1.2; opacity: .55 }
  .one { stroke: #57606a; stroke-dasharray: 3 3 }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3 } .told { fill: #9198a1 }
    .floor { fill: #57606a } .ours { fill: #4c8dff } .peer { fill: #c69026 }
    .span { stroke: #e6edf3 } .one { stroke: #9198a1 }
  }`

/** Each side's pieces of work a second, to the first side of its group. */
export function plotSpeed(results: readonly Result[]): string {
  const groups = results.flatMap((result) => {
    if (result.kind !== 'comparison') return []
    const [first] = result.sides
    if (!first) return []
    const bars = result.sides.map((side, index): Bar => {
      const speed = valuesOf(side, 'perSecond')
      const perSecond = Math.round(spreadOf(speed).median).toLocaleString('en')
      const spread = ratios(speed, valuesOf(first, 'perSecond'))
      const told = `${spread.median.toFixed(2)} · ${perSecond}/s`
      return { label: side.name, ...spread, told, tone: toneOf(side.name, index) }
    })
    return [{ title: result.title, bars }]
  })
  const largest = Math.max(1, ...groups.flatMap(({ bars }) => bars.map(({ median }) => median)))
  // What is many times the first is cut: its number stands beside it.
  const most = Math.min(largest, 2)
  return draw(groups, (value) => Math.min(value / most, 1), 1 / most)
}

/** p99 of steady calls, on a scale where each step is ten times the one before. */
export function plotTails(results: readonly Result[]): string {
  const groups = results.flatMap((result) => {
    if (result.kind !== 'disturbance') return []
    const bars = result.sides.flatMap((side) =>
      (['calm', 'disturbed'] as const).map((when): Bar => {
        const spread = tailOf(side, when, 'p99')
        const told = `${spread.median.toFixed(1)} ms`
        const tone = toneOf(side.name, 1)
        return { label: `${side.name}, ${when}`, ...spread, told, tone }
      }),
    )
    return [{ title: `${result.title}: p99`, bars }]
  })
  const place = (ms: number) =>
    Math.min(1, Math.max(0.004, Math.log10(Math.max(ms, 0.1) / 0.1) / 5))
  return draw(groups, place, null)
}

function toneOf(name: string, index: number): Bar['tone'] {
  if (/freddy|with .* sessions/i.test(name)) return 'ours'
  return index === 0 || /^(Fastify|node:http)/.test(name) ? 'floor' : 'peer'
}

function draw(groups: readonly Group[], share: (value: number) => number, one: number | null) {
  const room = WIDTH - LEFT - RIGHT
  const parts: string[] = []
  let top = 8
  for (const { title, bars } of groups) {
    parts.push(`<text class="title" x="12" y="${top + 20}">${spelt(title)}</text>`)
    top += HEAD
    const bottom = top + bars.length * LINE
    for (const { label, median, least, most, told, tone } of bars) {
      const middle = top + LINE / 2
      const from = LEFT + share(least) * room
      const to = LEFT + share(most) * room
      const end = LEFT + share(median) * room
      parts.push(
        `<text x="${LEFT - 10}" y="${middle + 4}" text-anchor="end">${spelt(label)}</text>`,
        `<rect class="${tone}" x="${LEFT}" y="${top + 4}" width="${(end - LEFT).toFixed(1)}" height="${LINE - 8}" rx="3"/>`,
        `<line class="span" x1="${from.toFixed(1)}" x2="${to.toFixed(1)}" y1="${middle}" y2="${middle}"/>`,
        `<text class="told" x="${(Math.max(end, to) + 8).toFixed(1)}" y="${middle + 4}">${told}</text>`,
      )
      top += LINE
    }
    if (one !== null) {
      const x = (LEFT + one * room).toFixed(1)
      parts.push(
        `<line class="one" x1="${x}" x2="${x}" y1="${bottom - bars.length * LINE}" y2="${bottom}"/>`,
      )
    }
    top += 10
  }
  const size = `width="${WIDTH}" height="${top + 6}" viewBox="0 0 ${WIDTH} ${top + 6}"`
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} role="img">\n<style>${style}\n</style>\n${parts.join('\n')}\n</svg>\n`
}

function spelt(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
}
