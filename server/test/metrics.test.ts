import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { parse } from 'yaml'
import { allowed } from '../src/auth/audit.ts'
import { sealEvents } from '../src/auth/audit-chain.ts'
import { createMetrics } from '../src/metrics/metrics.ts'
import { observe } from '../src/metrics/observe.ts'
import { DatabaseUnavailable } from '../src/store/database.ts'
import { BACKUP_SETTING } from '../src/store/settings.ts'
import { readExposition } from './exposition.ts'
import { type Freddy, MINUTE, scene, wrongCode } from './freddy.ts'

const METRICS_TOKEN = 'a-token-of-prometheus-alone'
const measured = { env: { METRICS_TOKEN } }
const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')

/** Every name that a server tells. */
function namesTold(): { name: string; labels: string; help: string }[] {
  const metrics = createMetrics()
  const groups = [metrics.count, metrics.time, metrics.now]
  metrics.close()
  return groups.flatMap((group) =>
    Object.values(group as Record<string, unknown>).map((each) => {
      const { name, labelNames, help } = each as {
        name: string
        labelNames: string[]
        help: string
      }
      return { name, labels: labelNames.join(', '), help }
    }),
  )
}

/** What is told now, and the value of one row of it. */
async function look(freddy: Freddy) {
  const answer = await freddy.ask('GET /metrics', { token: METRICS_TOKEN })
  assert.equal(answer.status, 200, answer.text)
  assert.match(String(answer.headers['content-type']), /^text\/plain; version=0\.0\.4/)
  const families = readExposition(answer.text)
  const value = (name: string, labels: Record<string, string> = {}) => {
    const base = families.get(name) ?? families.get(name.replace(/_count$/, ''))
    return base?.samples.find(
      (each) =>
        each.name === name &&
        Object.entries(labels).every(([key, text]) => each.labels[key] === text),
    )?.value
  }
  return { text: answer.text, families, value }
}

scene('a server without the settings tells no metrics, and measures nothing', async (freddy) => {
  assert.equal((await freddy.ask('GET /metrics')).status, 404)
  assert.equal((await freddy.ask('GET /metrics', { token: METRICS_TOKEN })).status, 404)
  assert.equal(freddy.running.metricsPort, null)
})

scene(
  'attack 113: metrics are for whoever has the token, and guessing it is slow',
  async (freddy) => {
    const ask = (token?: string) => freddy.ask('GET /metrics', token ? { token } : {})
    assert.equal((await ask()).body.error.code, 'AUTHENTICATION_REQUIRED')
    for (const wrong of [`${METRICS_TOKEN}x`, METRICS_TOKEN.slice(1), METRICS_TOKEN.toUpperCase()])
      assert.equal((await ask(wrong)).status, 401)
    assert.equal((await ask(METRICS_TOKEN)).status, 200)
    await ask('x'.repeat(20))
    assert.equal((await ask(METRICS_TOKEN)).status, 429)
    freddy.pass(MINUTE)
    assert.equal((await ask(METRICS_TOKEN)).status, 200)
  },
  { env: { METRICS_TOKEN, LIMITS: 'refused-source=5/60' } },
)

scene(
  'metrics tell what happened, and nothing of whom',
  async (freddy) => {
    const ada = await freddy.person('ada')
    await freddy.login({ ...ada, password: 'not the right one' })
    const login = await freddy.login(ada)
    const code = await freddy.codeFor(ada.email)
    await freddy.verify(login.body.email_key, wrongCode(code))
    const { token } = (await freddy.verify(login.body.email_key, Number(code))).body
    const made = await freddy.ask('POST /v1/api-keys', { token, body: { name: 'of-ada' } })
    const asked = { model: 'a-model-of-adas', messages: [{ role: 'user', content: 'Hello' }] }
    const { key } = made.body
    await freddy.ask('POST /v1/responses', { headers: { 'api-key': key }, body: asked })
    for (let count = 0; count < 3; count++)
      await freddy.ask('GET /v1/auth/check', { token, from: '192.0.2.77' })
    await freddy.ask('GET /nowhere/ada@example.com')
    const now = freddy.now()
    const origin = { address: 'shell', source: 'shell', network: null, agent: '' }
    const planned = allowed({ now, origin }, 'panic.planned', { reason: 'ada' })
    await freddy.running.app.store.audit.record(planned)
    await freddy.running.app.store.settings.put(BACKUP_SETTING, String(now))
    await sealEvents(freddy.running.app.store.audit)

    const { text, families, value } = await look(freddy)
    const route = '/v1/auth/verify'
    const count = 'freddy_http_requests_total'
    assert.equal(value(count, { method: 'POST', route, status: '200' }), 1)
    assert.equal(value(count, { method: 'POST', route, status: '401' }), 1)
    assert.equal(value(count, { method: 'none', route: 'none', status: '404' }), 1)
    assert.equal(value('freddy_http_request_seconds_count', { route }), 2)
    const decided = 'freddy_decisions_total'
    const wrong = { event: 'login.refused', outcome: 'refused', reason: 'wrong_password' }
    assert.equal(value(decided, wrong), 1)
    assert.equal(value(decided, { event: 'code.refused', reason: 'wrong' }), 1)
    assert.equal(value(decided, { event: 'key.created', reason: '' }), 1)
    assert.equal(value('freddy_limited_total', { limit: 'check' }), 1)
    assert.equal(value('freddy_mail_deliveries_total', { outcome: 'sent' }), 1)
    assert.equal(value('freddy_wrong_codes_last_hour'), 1)
    assert.equal(value('freddy_backup_timestamp_seconds'), now / 1000)
    assert.equal(value('freddy_database_up'), 1)
    assert.equal(value('freddy_build_info', { database: freddy.engine }), 1)
    for (const name of ['freddy_hash_seconds', 'freddy_database_seconds'])
      assert.ok((families.get(name)?.samples.length ?? 0) > 0, name)
    assert.ok((value('process_resident_memory_bytes') ?? 0) > 1e7)
    assert.deepEqual(
      [...families.keys()],
      namesTold().map(({ name }) => name),
    )

    const canaries = [
      ada.email,
      ada.id,
      'ada',
      key.slice(3, 15),
      made.body.id,
      'a-model',
      '192.0.2',
    ]
    for (const canary of canaries) assert.equal(text.includes(canary), false, canary)
  },
  { env: { METRICS_TOKEN, LIMITS: 'check=2/60' } },
)

scene('an event that two servers seal at once is counted once', async (freddy) => {
  const { app } = freddy.running
  await freddy.login({ email: 'nobody@example.com' })
  const metrics = [createMetrics(), createMetrics()]
  const apps = metrics.map((each) => observe(app, each))
  for (const { store } of apps) await store.audit.listUnsealed(500)
  const [first, second] = apps.map(({ store }) => store.audit)
  const [row] = (await first?.listUnsealed(1)) ?? []
  const link = { id: row?.id ?? '', position: 1, seal: 'x', sealedAs: 2 }
  assert.deepEqual(await first?.seal([link]), [row?.id])
  assert.deepEqual(await second?.seal([link]), [])
  const counts = await Promise.all(
    metrics.map(async ({ count }) => (await count.decisions.get()).values.length),
  )
  for (const each of metrics) each.close()
  assert.deepEqual(counts, [1, 0])
})

scene(
  'while the database is away its absence is told, and no old number of it',
  async (freddy) => {
    const { store } = freddy.running.app
    assert.equal((await look(freddy)).value('freddy_mails_waiting', { state: 'queued' }), 0)
    const { countWaiting } = store.outbox
    const away = async () => {
      throw new DatabaseUnavailable('away')
    }
    Object.assign(store.outbox, { countWaiting: away })
    const { families, value } = await look(freddy)
    assert.equal(value('freddy_database_up'), 0)
    for (const name of ['freddy_mails_waiting', 'freddy_wrong_codes_last_hour', 'freddy_surge'])
      assert.deepEqual(families.get(name)?.samples, [], name)
    Object.assign(store.outbox, { countWaiting })
    assert.equal((await look(freddy)).value('freddy_surge'), 0)
  },
  measured,
)

scene(
  'a port of its own tells metrics on this machine, and nothing else',
  async ({ running }, context) => {
    const port = running.metricsPort ?? assert.fail('there is a port')
    await port.listen()
    context.after(() => port.close())
    const address = port.address()
    assert.match(address, /^http:\/\/127\.0\.0\.1:\d+\/metrics$/)
    const answer = await fetch(address)
    assert.equal(answer.status, 200)
    assert.ok(readExposition(await answer.text()).has('freddy_build_info'))
    assert.equal((await fetch(address.replace('/metrics', '/livez'))).status, 404)
    assert.equal((await fetch(address, { method: 'POST' })).status, 404)
  },
  { env: { METRICS_PORT: '0' } },
)

scene(
  'a token is demanded on the port too',
  async ({ running }, context) => {
    const port = running.metricsPort ?? assert.fail('there is a port')
    await port.listen()
    context.after(() => port.close())
    assert.equal((await fetch(port.address())).status, 401)
    const headers = { authorization: `Bearer ${METRICS_TOKEN}` }
    assert.equal((await fetch(port.address(), { headers })).status, 200)
  },
  { env: { METRICS_PORT: '0', METRICS_TOKEN } },
)

test('docs/metrics.md tells every metric and no other', () => {
  const rows = read('docs/metrics.md').matchAll(/^\| `([a-z_]+)` \|([^|]*)\| (.+) \|$/gm)
  const told = [...rows].map(([, name = '', labels = '', help = '']) => ({
    name,
    labels: labels.trim(),
    help,
  }))
  assert.deepEqual(told, namesTold())
})

test('the dashboard and the alerts speak of metrics and labels that are told', () => {
  const known = new Map(namesTold().map(({ name, labels }) => [name, labels]))
  const dashboard = JSON.parse(read('deploy/prometheus/grafana.json'))
  const { groups } = parse(read('deploy/prometheus/alerts.yml'))
  const queries: string[] = [
    ...dashboard.panels.flatMap((panel: { targets: { expr: string }[] }) =>
      panel.targets.map(({ expr }) => expr),
    ),
    ...groups.flatMap((group: { rules: { expr: string }[] }) =>
      group.rules.map(({ expr }) => expr),
    ),
  ]
  assert.ok(queries.length > 30)
  const used = new Set<string>()
  for (const query of queries) {
    for (const [, name = '', inner = ''] of query.matchAll(
      /\b((?:freddy|process|nodejs)_[a-z_]+)(?:\{([^}]*)\})?/g,
    )) {
      const base = name.replace(/_(bucket|sum|count)$/, '')
      const labels = known.get(name) ?? known.get(base) ?? assert.fail(`${name} in ${query}`)
      used.add(known.has(name) ? name : base)
      for (const [, label = ''] of inner.matchAll(/(\w+)[=!]~?"/g))
        assert.ok(label === 'instance' || labels.split(', ').includes(label), `${label}: ${query}`)
    }
  }
  assert.deepEqual(
    [...known.keys()].filter((name) => !used.has(name)),
    [],
  )
})

test('every alert leads to what to do about it', () => {
  const page = read('docs/metrics.md')
  const anchors = [...page.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title.toLowerCase().replace(/[^a-z0-9]+/g, '-'),
  )
  const { groups } = parse(read('deploy/prometheus/alerts.yml'))
  const links: string[] = groups.flatMap((group: { rules: { annotations: Row }[] }) =>
    group.rules.map(({ annotations }) => annotations.runbook_url),
  )
  assert.ok(links.length > 8)
  for (const link of links) {
    const [base, anchor = ''] = link.split('#')
    assert.equal(base, 'https://auth.example.com/docs/metrics')
    assert.ok(anchors.includes(anchor), link)
  }
})

interface Row {
  readonly runbook_url: string
}
