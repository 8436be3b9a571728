import { type Static, Type } from 'typebox'
import type { Call } from '../context.ts'
import { budgets } from '../limits.ts'
import { version } from '../version.ts'
import { Moment, momentOrNull, OrNull } from '../wire/reply.ts'

const Rows = Type.Array(Type.Object({ name: Type.String(), value: Type.String() }))

export const SystemAnswer = Type.Object({
  version: Type.String(),
  node: Type.String(),
  uptime_seconds: Type.Integer(),
  memory_bytes: Type.Integer(),
  database: Type.Object({ kind: Type.String(), answers: Type.Boolean() }),
  mail: Type.Object({ kind: Type.String(), oldest_waiting: OrNull(Moment) }),
  models: Type.Array(Type.Object({ name: Type.String(), server: Type.String() })),
  model_calls_open: Type.Integer(),
})

export const SettingsAnswer = Type.Object({
  settings: Type.Array(
    Type.Object({
      name: Type.String(),
      value: Type.String({ description: 'Of a secret only whether it is set' }),
      sentence: Type.String(),
    }),
  ),
  limits: Rows,
  budgets: Rows,
})

/** How the server fares. */
export async function showSystem({ app, now }: Call): Promise<Static<typeof SystemAnswer>> {
  const { config, models, upstreams, store } = app
  const answers = await store.settings.find('key_check').then(
    () => true,
    () => false,
  )
  const oldest = answers ? await store.outbox.oldestWaiting(now) : null
  return {
    version,
    node: process.version,
    uptime_seconds: Math.round(process.uptime()),
    memory_bytes: process.memoryUsage.rss(),
    database: { kind: config.databaseUrl ? 'PostgreSQL' : 'SQLite', answers },
    mail: {
      kind: config.smtpUrl ? new URL(config.smtpUrl).host : 'stays on this machine',
      oldest_waiting: momentOrNull(oldest),
    },
    models: models.models.map(({ name, upstream }) => ({
      name,
      server: new URL(upstream.url).host,
    })),
    model_calls_open: upstreams.open,
  }
}

/** The configuration and the limits as they are in force; of secrets only whether they are set. */
export async function showSettings({ app }: Call): Promise<Static<typeof SettingsAnswer>> {
  const rows = (table: object) =>
    Object.entries(table).map(([name, value]) => ({ name, value: JSON.stringify(value) }))
  return {
    settings: [...app.config.told],
    limits: rows(app.config.limits),
    budgets: rows(budgets),
  }
}
