import type { Need } from './need.ts'

const WIDTH = 720
const HEIGHT = 440
const EDGE = { left: 70, right: 190, top: 30, bottom: 50 }
const DECADES = { across: [5, 9], up: [-2, 7] } as const
/** Between the names of two curves. */
const LINE = 16
const colours = ['#0b6e4f', '#b5442d', '#2a5fa5', '#8a6d1b', '#6b4a8e']

export interface Curve {
  readonly name: string
  readonly of: (need: Need) => number
}

/** Needs over the number of accounts, both in powers of ten. */
export function draw(needs: readonly Need[], curves: readonly Curve[]): string {
  const places = placeNames(needs, curves)
  const lines = curves.map(({ name, of }, index) => {
    const points = needs.map((need) => `${across(need.users)},${up(of(need))}`)
    const colour = colours[index % colours.length]
    return `<polyline points="${points.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>
<text x="${WIDTH - EDGE.right + 8}" y="${places.get(name)}" fill="${colour}">${name}</text>`
  })
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12">
<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>
${grid()}
${lines.join('\n')}
<text x="${EDGE.left}" y="${HEIGHT - 12}">accounts</text>
</svg>
`
}

/** Where each curve ends, as far as its neighbour leaves room. */
function placeNames(needs: readonly Need[], curves: readonly Curve[]): Map<string, number> {
  const last = needs.at(-1)
  const ends = curves.map(({ name, of }) => ({ name, y: last ? up(of(last)) + 4 : 0 }))
  const places = new Map<string, number>()
  let above = 0
  for (const { name, y } of ends.toSorted((one, other) => one.y - other.y)) {
    above = Math.max(y, above + LINE)
    places.set(name, above)
  }
  return places
}

function grid(): string {
  const [from, to] = DECADES.across
  const [low, high] = DECADES.up
  const steps = (first: number, last: number) =>
    Array.from({ length: last - first + 1 }, (_, index) => first + index)
  const columns = steps(from, to).map((power) => {
    const x = across(10 ** power)
    return `<path d="M${x} ${EDGE.top}V${HEIGHT - EDGE.bottom}" stroke="#ddd"/><text x="${x}" y="${HEIGHT - EDGE.bottom + 18}" text-anchor="middle">${tell(power)}</text>`
  })
  const rows = steps(low, high).map((power) => {
    const y = up(10 ** power)
    return `<path d="M${EDGE.left} ${y}H${WIDTH - EDGE.right}" stroke="#ddd"/><text x="${EDGE.left - 8}" y="${y + 4}" text-anchor="end">${tell(power)}</text>`
  })
  return [...columns, ...rows].join('\n')
}

function across(users: number): number {
  const [from, to] = DECADES.across
  const share = (Math.log10(users) - from) / (to - from)
  return Math.round(EDGE.left + share * (WIDTH - EDGE.left - EDGE.right))
}

function up(value: number): number {
  const [low, high] = DECADES.up
  const share = (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low)
  return Math.round(HEIGHT - EDGE.bottom - share * (HEIGHT - EDGE.top - EDGE.bottom))
}

const names = ['1', '10', '100', '1 k', '10 k', '100 k', '1 M', '10 M', '100 M', '1 G']
const tell = (power: number) => names[power] ?? String(10 ** power)
