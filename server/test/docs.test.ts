import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import { operatorScopes, scopes } from '../src/auth/principal.ts'
import { endings } from '../src/auth/session-end.ts'
import { knobs } from '../src/config.ts'
import { errors } from '../src/errors.ts'
import { events } from '../src/events.ts'
import { type Bucket, type Budget, budgets, limits } from '../src/limits.ts'

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

/** The rows of the tables in a page: cells without the back-ticks around names. */
function rowsOf(path: string): string[][] {
  return read(path)
    .split('\n')
    .filter((line) => /^\| (<a [^>]*><\/a>)?`/.test(line))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.replace(/<a [^>]*><\/a>/, '').trim()),
    )
    .map(([name = '', ...rest]) => [name.replaceAll('`', ''), ...rest])
}

test('docs/errors.md tells every error and no other', () => {
  const told = rowsOf('docs/errors.md').map(([code, status, message]) => [
    code,
    Number(status),
    message,
  ])
  const ours = Object.entries(errors).map(([code, [status, message]]) => [code, status, message])
  assert.deepEqual(told, ours)
  for (const code of Object.keys(errors))
    assert.ok(read('docs/errors.md').includes(`id="${code.toLowerCase()}"`))
})

test('docs/configuration.md tells every variable and no other', () => {
  const ours = Object.entries(knobs).map(([name, { takes, standard, sentence }]) => [
    name,
    takes,
    standard ? `\`${standard}\`` : 'none',
    sentence,
  ])
  assert.deepEqual(rowsOf('docs/configuration.md'), ours)
})

test('docs/rate-limits.md tells every limit and budget with its numbers', () => {
  const told = rowsOf('docs/rate-limits.md').map(([name, , limit]) => [name, limit])
  const traffic = Object.entries(limits).map(([name, buckets]) => [
    name,
    buckets.map(sayBucket).join('; '),
  ])
  const guesses = Object.entries(budgets).map(([name, budget]) => [name, sayBudget(budget)])
  assert.deepEqual(told, [...traffic, ...guesses])
})

test('docs/sessions.md tells every reason why a session ends, and no other', () => {
  assert.deepEqual(rowsOf('docs/sessions.md'), Object.entries(endings))
})

test('docs/webhooks.md tells every event with its data, and no other', () => {
  const ours = Object.entries(events).map(([type, [sentence, data]]) => [
    type,
    sentence,
    data.map((name) => `\`${name}\``).join(', ') || 'none',
  ])
  assert.deepEqual(rowsOf('docs/webhooks.md'), ours)
})

test('docs/api-keys.md tells every scope', () => {
  const table = rowsOf('docs/api-keys.md').map(([scope]) => scope)
  assert.deepEqual(table, [...scopes, ...operatorScopes])
})

test('the README fits on a screen or two', () => {
  assert.ok(read('README.md').split('\n').length <= 81)
})

test('whoever reports something is asked for what helps, and not for secrets', () => {
  for (const name of ['bug', 'idea']) {
    const form = parse(read(`.github/ISSUE_TEMPLATE/${name}.yml`))
    assert.ok(form.name && form.description, name)
    for (const { type, id, attributes } of form.body) {
      assert.ok(['markdown', 'textarea', 'input'].includes(type), type)
      assert.ok(type === 'markdown' ? attributes.value : id && attributes.label, name)
    }
  }
  assert.match(read('.github/ISSUE_TEMPLATE/bug.yml'), /SECURITY\.md/)
})

const units: readonly [number, string][] = [
  [86_400_000, 'day'],
  [3_600_000, 'hour'],
  [60_000, 'minute'],
  [1000, 'second'],
]

function sayBucket({ calls, perMs, burst }: Bucket): string {
  const unit = units.find(([ms]) => ms === perMs)?.[1] ?? ''
  const article = unit === 'hour' ? 'an' : 'a'
  return `${calls} ${article} ${unit}${burst === calls ? '' : `, ${burst} at once`}`
}

function sayBudget({ windows, streak }: Budget): string {
  const told = windows.map(({ tries, withinMs, thenEveryMs }) => {
    const then = thenEveryMs ? `, then 1 each ${thenEveryMs / 1000} seconds` : ''
    return `${tries} in ${saySpan(withinMs)}${then}`
  })
  const last = streak
    ? `; after ${streak.after} in a row 1 each ${streak.everyMs / 1000} seconds`
    : ''
  return told.join('; ') + last
}

function saySpan(ms: number): string {
  const [size = 1, unit = ''] = units.find(([each]) => ms % each === 0) ?? []
  const count = ms / size
  if (count === 1) return unit === 'hour' ? 'an hour' : `a ${unit}`
  return `${count} ${unit}s`
}
