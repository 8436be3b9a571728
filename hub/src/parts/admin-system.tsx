import { useLoad } from '../load.ts'
import { ago, number, say } from '../words.ts'
import { Section } from './section.tsx'
import { Ready } from './states.tsx'

interface System {
  readonly version: string
  readonly node: string
  readonly uptime_seconds: number
  readonly memory_bytes: number
  readonly database: { readonly kind: string; readonly answers: boolean }
  readonly mail: { readonly kind: string; readonly oldest_waiting: string | null }
  readonly models: readonly { readonly name: string; readonly server: string }[]
}

interface Settings {
  readonly settings: readonly {
    readonly name: string
    readonly value: string
    readonly sentence: string
  }[]
}

/** How the server fares, and the settings that are in force. */
export function AdminSystem() {
  const system = useLoad<System>('/v1/admin/system')
  const settings = useLoad<Settings>('/v1/admin/settings')
  return (
    <div class="stack wide">
      <Section title={say('system')} lead={say('systemLead')}>
        <Ready of={system}>{(value) => <Facts rows={factsOf(value)} />}</Ready>
      </Section>
      <Section title={say('settings')} lead={say('settingsLead')}>
        <Ready of={settings}>
          {(value) => (
            <ul class="list">
              {value.settings.map(({ name, value: text, sentence }) => (
                <li class="stack tight" key={name}>
                  <div class="row apart">
                    <h3 class="mono">{name}</h3>
                    <span class="mono breaks">{text || '–'}</span>
                  </div>
                  <p class="hint">{sentence}</p>
                </li>
              ))}
            </ul>
          )}
        </Ready>
      </Section>
    </div>
  )
}

function factsOf(system: System): [string, string][] {
  const { database, mail } = system
  const started = new Date(Date.now() - system.uptime_seconds * 1000).toISOString()
  return [
    [say('version'), `${system.version}, Node ${system.node}`],
    [say('started'), ago(started)],
    [say('memory'), `${number(Math.round(system.memory_bytes / 1_048_576))} MiB`],
    [say('database'), `${database.kind}${database.answers ? '' : `: ${say('silent')}`}`],
    [
      say('mails'),
      mail.oldest_waiting
        ? `${mail.kind}; ${say('waitsSince', { when: ago(mail.oldest_waiting) })}`
        : mail.kind,
    ],
    [
      say('models'),
      system.models.map(({ name, server }) => `${name} (${server})`).join(', ') || 'echo-1',
    ],
  ]
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
