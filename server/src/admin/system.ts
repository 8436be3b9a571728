import { type Static, Type } from 'typebox'
import type { App, Call } from '../context.ts'
import { budgets } from '../limits.ts'
import type { Upstream } from '../models-file.ts'
import { BACKUP_SETTING } from '../store/settings.ts'
import { version } from '../version.ts'
import { Moment, momentOrNull, OrNull } from '../wire/reply.ts'

const Rows = Type.Array(Type.Object({ name: Type.String(), value: Type.String() }))

export const SystemAnswer = Type.Object({
  version: Type.String(),
  node: Type.String(),
  uptime_seconds: Type.Integer(),
  memory_bytes: Type.Integer(),
  database: Type.Object({
    kind: Type.String(),
    answers: Type.Boolean(),
    schema: OrNull(Type.String({ description: 'The newest migration' })),
    last_backup_at: OrNull(Moment),
  }),
  tokens: Type.Object({ algorithm: Type.String(), life_seconds: Type.Integer() }),
  revocation: Type.Object({
    feed: Type.Union([Type.Literal('lives'), Type.Literal('lost')], {
      description: 'Lost: each call asks the database',
    }),
    heard_after_ms: OrNull(
      Type.Object({
        median: Type.Integer(),
        p99: Type.Integer({ description: 'Of the latest 1,000 changes, wherever they were made' }),
      }),
    ),
    database_away_seconds: Type.Integer({
      description: 'How long known sessions and API keys go on while the database is away',
    }),
  }),
  mail: Type.Object({ kind: Type.String(), oldest_waiting: OrNull(Moment) }),
  models: Type.Array(Type.Object({ name: Type.String(), server: Type.String() })),
  model_servers: Type.Array(
    Type.Object({
      name: Type.String(),
      server: Type.String(),
      answers_rest: Type.Boolean({ description: 'Whether it answers for names of no other' }),
      is_failing: Type.Boolean({ description: 'It failed so often that it is left alone' }),
    }),
  ),
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
  const database = await lookAtDatabase(app)
  const oldest = database.answers ? await store.outbox.oldestWaiting(now) : null
  return {
    version,
    node: process.version,
    uptime_seconds: Math.round(process.uptime()),
    memory_bytes: process.memoryUsage.rss(),
    database,
    tokens: { algorithm: config.jwtAlg, life_seconds: config.accessLifeMs / 1000 },
    revocation: toldOf(app, now),
    mail: {
      kind: config.smtpUrl ? new URL(config.smtpUrl).host : 'stays on this machine',
      oldest_waiting: momentOrNull(oldest),
    },
    models: models.models.map(({ name, upstream }) => ({ name, server: hostOf(upstream) })),
    model_servers: models.upstreams.map((upstream) => ({
      name: upstream.name,
      server: hostOf(upstream),
      answers_rest: upstream === models.standard,
      is_failing: upstreams.isFailing(upstream.name),
    })),
    model_calls_open: upstreams.open,
  }
}

function toldOf({ feed, config }: App, now: number): Static<typeof SystemAnswer>['revocation'] {
  const { lives, delayMs } = feed.standing(now)
  return {
    feed: lives ? 'lives' : 'lost',
    heard_after_ms: delayMs && {
      median: Math.round(delayMs.median),
      p99: Math.round(delayMs.p99),
    },
    database_away_seconds: config.keyLeaseSeconds,
  }
}

const hostOf = ({ url }: Upstream) => new URL(url).host

async function lookAtDatabase({
  config,
  store,
}: App): Promise<Static<typeof SystemAnswer>['database']> {
  const kind = config.databaseUrl ? 'PostgreSQL' : 'SQLite'
  try {
    const [schema, backup] = await Promise.all([
      store.inspection.newestVersion(),
      store.settings.find(BACKUP_SETTING),
    ])
    const last_backup_at = momentOrNull(backup === null ? null : Number(backup))
    return { kind, answers: true, schema, last_backup_at }
  } catch {
    return { kind, answers: false, schema: null, last_backup_at: null }
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
