import { useLoad } from '../load.ts'
import { ago, number, say, span } from '../words.ts'
import { Section } from './section.tsx'
import { Ready } from './states.tsx'

interface System {
  readonly version: string
  readonly node: string
  readonly uptime_seconds: number
  readonly memory_bytes: number
  readonly database: {
    readonly kind: string
    readonly answers: boolean
    readonly schema: string | null
    readonly last_backup_at: string | null
  }
  readonly tokens: { readonly algorithm: string; readonly life_seconds: number }
  readonly revocation: {
    readonly feed: 'lives' | 'lost'
    readonly heard_after_ms: { readonly median: number; readonly p99: number } | null
    readonly database_away_seconds: number
  }
  readonly mail: { readonly kind: string; readonly oldest_waiting: string | null }
  readonly models: readonly { readonly name: string; readonly server: string }[]
  readonly model_servers: readonly ModelServer[]
  readonly model_calls_open: number
}

interface ModelServer {
  readonly name: string
  readonly server: string
  readonly answers_rest: boolean
  readonly is_failing: boolean
}

/** How the server fares. */
export function AdminSystem() {
  const system = useLoad<System>('/v1/admin/system')
  const button = (
    <button type="button" class="button quiet small" onClick={() => void system.reload()}>
      {say('lookAgain')}
    </button>
  )
  return (
    <Section title={say('system')} lead={say('systemLead')} action={button}>
      <Ready of={system}>
        {(value) => (
          <div class="stack">
            <Health of={value} />
            <Facts rows={factsOf(value)} />
            <ModelServers of={value} />
          </div>
        )}
      </Ready>
    </Section>
  )
}

const MAIL_LATE_MS = 5 * 60_000

/** What wants looking at, or that nothing does. */
function Health({ of: { database, mail, model_servers, revocation } }: { readonly of: System }) {
  const late = mail.oldest_waiting && Date.now() - Date.parse(mail.oldest_waiting) > MAIL_LATE_MS
  const problems = [
    ...(database.answers ? [] : [say('databaseSilent')]),
    ...(revocation.feed === 'lost' ? [say('feedLost')] : []),
    ...(late ? [say('mailLate', { when: ago(mail.oldest_waiting ?? '') })] : []),
    ...model_servers
      .filter(({ is_failing }) => is_failing)
      .map(({ server }) => say('serverFailing', { server })),
  ]
  if (problems.length === 0) return <p class="notice">{say('allWell')}</p>
  return (
    <ul class="notice warn stack tight">
      {problems.map((problem) => (
        <li key={problem}>{problem}</li>
      ))}
    </ul>
  )
}

function factsOf(system: System): [string, string][] {
  const { database, mail, tokens, revocation } = system
  const started = new Date(Date.now() - system.uptime_seconds * 1000).toISOString()
  const { heard_after_ms: heard, database_away_seconds: away } = revocation
  return [
    [say('version'), `Freddy Auth ${system.version}, Node ${system.node}`],
    [say('started'), ago(started)],
    [say('memory'), `${number(Math.round(system.memory_bytes / 1_048_576))} MiB`],
    [say('database'), [database.kind, database.schema].filter(Boolean).join(', ')],
    [say('lastBackup'), database.last_backup_at ? ago(database.last_backup_at) : say('never')],
    [say('mails'), mailsOf(mail)],
    [say('tokens'), `${tokens.algorithm}, ${span(tokens.life_seconds * 1000)}`],
    [
      say('revocation'),
      [
        say('endedHeard'),
        ...(heard
          ? [say('endedDelay', { median: number(heard.median), most: number(heard.p99) })]
          : []),
        ...(away > 0 ? [say('endedAway', { span: span(away * 1000) })] : []),
      ].join(' '),
    ],
    [say('callsOpen'), number(system.model_calls_open)],
  ]
}

/** As the server says it where no mail server is set. */
const NO_MAIL_SERVER = 'stays on this machine'

function mailsOf({ kind, oldest_waiting }: System['mail']): string {
  const where = kind === NO_MAIL_SERVER ? say('mailsStay') : kind
  return oldest_waiting ? `${where}; ${say('waitsSince', { when: ago(oldest_waiting) })}` : where
}

function Facts({ rows }: { readonly rows: readonly [string, string][] }) {
  return (
    <dl class="card pairs">
      {rows.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd class="breaks">{value}</dd>
        </div>
      ))}
    </dl>
  )
}

function ModelServers({ of: { model_servers: servers, models } }: { readonly of: System }) {
  return (
    <>
      <h3>{say('modelServers')}</h3>
      <ul class="list">
        {servers.length === 0 && <li class="quiet-text">{say('builtIn')}</li>}
        {servers.map((one) => (
          <li class="stack tight" key={one.name}>
            <div class="row apart">
              <h4 class="breaks">{one.server}</h4>
              <span class={`badge ${one.is_failing ? 'bad' : 'good'}`}>
                {say(one.is_failing ? 'failing' : 'inUse')}
              </span>
            </div>
            <p class="facts breaks">{modelsOf(one, models)}</p>
          </li>
        ))}
      </ul>
    </>
  )
}

function modelsOf({ server, answers_rest }: ModelServer, models: System['models']): string {
  const names = models.filter((model) => model.server === server).map(({ name }) => name)
  return [...names, ...(answers_rest ? [say('everyOtherModel')] : [])].join(', ')
}
