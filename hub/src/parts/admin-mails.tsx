import { useAct } from '../act.ts'
import { call } from '../api.ts'
import { usePages } from '../load.ts'
import { ago, say } from '../words.ts'
import { More } from './more.tsx'
import { Section } from './section.tsx'
import { Problem, Ready, When } from './states.tsx'
import { toast } from './toast.tsx'

interface Mail {
  readonly id: string
  readonly letter: string
  readonly state: 'queued' | 'sent' | 'delayed' | 'refused'
  readonly reason: string | null
  readonly created_at: string
}

const tones = { queued: '', sent: 'good', delayed: 'warn', refused: 'bad' } as const

/** The mails that went out, and those that wait: how each fares, never what it says. */
export function AdminMails() {
  const mails = usePages<Mail>('/v1/admin/mails')
  const { busy, failure, act } = useAct()
  const test = () =>
    act(async () => {
      await call('POST', '/v1/admin/mails/test')
      toast(say('testSent'))
      await mails.reload()
    })
  const button = (
    <button type="button" class="button quiet small" disabled={busy} onClick={test}>
      {say('sendTest')}
    </button>
  )
  return (
    <Section title={say('mails')} lead={say('mailsLead')} action={button}>
      <Problem cause={failure} />
      <Ready of={mails}>
        {(data) =>
          data.length === 0 ? (
            <p class="quiet-text">{say('noMails')}</p>
          ) : (
            <ul class="list">
              {data.map(({ id, letter, state, reason, created_at }) => (
                <li class="stack tight" key={id}>
                  <div class="row apart">
                    <h3>{letter}</h3>
                    <span class={`badge ${tones[state]}`}>{say(`mail.${state}`)}</span>
                  </div>
                  <div class="facts">
                    <When iso={created_at} text={ago(created_at)} />
                    {reason && <span class="breaks">{reason}</span>}
                  </div>
                </li>
              ))}
            </ul>
          )
        }
      </Ready>
      <More more={mails.more} />
    </Section>
  )
}
