import assert from 'node:assert/strict'

export interface Sample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface Family {
  readonly type: string
  readonly help: string
  readonly samples: Sample[]
}

const comment = /^# (HELP|TYPE) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.+)$/
const sample = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/
const label = /([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(?:,|$)/y

/** Reads the text format of Prometheus (0.0.4), and lets nothing pass that it does not allow. */
export function readExposition(text: string): Map<string, Family> {
  assert.ok(text.endsWith('\n'), 'the last line ends')
  const families = new Map<string, { type: string; help: string; samples: Sample[] }>()
  const seen = new Set<string>()
  for (const line of text.split('\n')) {
    if (line === '') continue
    const [, kind, named = '', rest = ''] = comment.exec(line) ?? []
    if (kind === 'HELP') {
      assert.equal(families.has(named), false, `${named} is told once`)
      families.set(named, { type: '', help: rest, samples: [] })
    } else if (kind === 'TYPE') {
      const family = families.get(named) ?? assert.fail(line)
      assert.match(rest, /^(counter|gauge|histogram)$/)
      family.type = rest
    } else {
      const found = readSample(line)
      const key = JSON.stringify([found.name, found.labels])
      assert.equal(seen.has(key), false, `${line} is told once`)
      seen.add(key)
      familyOf(families, found.name).samples.push(found)
    }
  }
  for (const [name, { type, samples }] of families) requireWhole(name, type, samples)
  return families
}

function readSample(line: string): Sample {
  const [, name = '', inner = '', value = ''] = sample.exec(line) ?? assert.fail(line)
  const labels: Record<string, string> = {}
  label.lastIndex = 0
  let at = 0
  while (at < inner.length) {
    const [, key = '', text = ''] = label.exec(inner) ?? assert.fail(line)
    assert.equal(key in labels, false, line)
    labels[key] = text
    at = label.lastIndex
  }
  const number = value === '+Inf' ? Number.POSITIVE_INFINITY : Number(value)
  assert.equal(Number.isNaN(number), false, line)
  return { name, labels, value: number }
}

function familyOf(families: Map<string, { type: string; samples: Sample[] }>, name: string) {
  const own = families.get(name)
  if (own) return own
  const base = families.get(name.replace(/_(bucket|sum|count)$/, ''))
  return base?.type === 'histogram' ? base : assert.fail(`${name} has no TYPE before it`)
}

/** Counters never fall below nothing; the buckets of a histogram rise, and the last one holds all. */
function requireWhole(name: string, type: string, samples: readonly Sample[]): void {
  assert.ok(type, `${name} has a type`)
  if (type === 'counter') for (const { value } of samples) assert.ok(value >= 0, name)
  if (type !== 'histogram') return
  const rows = new Map<string, Sample[]>()
  for (const each of samples) {
    const { le: _, ...rest } = each.labels
    rows.set(JSON.stringify(rest), [...(rows.get(JSON.stringify(rest)) ?? []), each])
  }
  for (const row of rows.values()) {
    const values = row.filter((each) => each.name === `${name}_bucket`).map(({ value }) => value)
    assert.deepEqual(
      values,
      values.toSorted((a, b) => a - b),
      name,
    )
    const count = row.find((each) => each.name === `${name}_count`)?.value
    assert.equal(values.at(-1), count, name)
  }
}
