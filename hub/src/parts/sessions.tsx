import { useState } from 'preact/hooks'
import { useAct } from '../act.ts'
import { call } from '../api.ts'
import { useLoad, usePages } from '../load.ts'
import { ago, day, moment, say } from '../words.ts'
import { Alarm } from './alarm.tsx'
import { Dialog } from './dialog.tsx'
import { More } from './more.tsx'
import { Section } from './section.tsx'
import { Problem, Ready, When } from './states.tsx'
import { toast } from './toast.tsx'

interface Session {
  readonly id: string
  readonly current: boolean
  readonly device_name: string
  readonly location: string | null
  readonly last_seen_network: string
  readonly first_seen_at: string
  readonly last_seen_at: string
  readonly ended_at: string | null
  readonly explanation: string
}

interface Told extends Session {
  readonly decisions: readonly {
    readonly happened_at: string
    readonly what: string
    readonly network: string | null
    readonly program: string | null
  }[]
}

/** Where one is signed in, and where one was. */
export function Sessions() {
  const [ended, setEnded] = useState(false)
  const list = usePages<Session>(`/v1/auth/sessions${ended ? '?state=ended' : ''}`)
  const [shown, setShown] = useState<Session | null>(null)
  const { busy, failure, act } = useAct()
  const end = (session: Session) =>
    act(async () => {
      await call('DELETE', `/v1/auth/sessions/${session.id}`)
      toast(say('sessionEnded', { name: session.device_name }))
      await list.reload()
    })
  const endOthers = () =>
    act(async () => {
      const { deleted } = await call<{ deleted: number }>('DELETE', '/v1/auth/sessions')
      toast(say('sessionsEnded', { count: deleted }))
      await list.reload()
    })
  const button = (list.value?.length ?? 0) > 1 && !ended && (
    <button type="button" class="button quiet small" disabled={busy} onClick={endOthers}>
      {say('endOthers')}
    </button>
  )
  return (
    <>
      <Section title={say('sessions')} lead={say('sessionsLead')} action={button}>
        <Problem cause={failure} />
        <Ready of={list}>
          {(data) =>
            data.length === 0 ? (
              <p class="quiet-text">{say('noneEnded')}</p>
            ) : (
              <ul class="list">
                {data.map((session) => (
                  <Row
                    key={session.id}
                    session={session}
                    busy={busy}
                    end={end}
                    show={() => setShown(session)}
                  />
                ))}
              </ul>
            )
          }
        </Ready>
        <More more={list.more} />
        <div class="row">
          <button type="button" class="link" onClick={() => setEnded(!ended)}>
            {say(ended ? 'showLive' : 'showEnded')}
          </button>
        </div>
        {shown && <Story session={shown} onClose={() => setShown(null)} />}
      </Section>
      <Alarm onDone={() => void list.reload()} />
    </>
  )
}

interface RowProps {
  readonly session: Session
  readonly busy: boolean
  readonly end: (session: Session) => void
  readonly show: () => void
}

function Row({ session, busy, end, show }: RowProps) {
  const { last_seen_at: seen, ended_at: ended } = session
  return (
    <li class="row apart">
      <div class="stack tight">
        <div class="row">
          <h3>{session.device_name}</h3>
          {session.current && <span class="badge good">{say('thisDevice')}</span>}
        </div>
        <div class="facts">
          <span>{session.last_seen_network}</span>
          {session.location && <span>{session.location}</span>}
          <span>{say('since', { when: day(session.first_seen_at) })}</span>
          <When iso={seen} text={say('activeWhen', { when: ago(seen) })} />
        </div>
        {ended && <p class="small">{session.explanation}</p>}
      </div>
      <div class="row">
        <button type="button" class="button quiet small" onClick={show}>
          {say('story')}
        </button>
        {!ended && !session.current && (
          <button
            type="button"
            class="button quiet small"
            disabled={busy}
            onClick={() => end(session)}
          >
            {say('endSession')}
          </button>
        )}
      </div>
    </li>
  )
}

/** What was decided about a session, in sentences. */
function Story({ session, onClose }: { readonly session: Session; readonly onClose: () => void }) {
  const told = useLoad<Told>(`/v1/auth/sessions/${session.id}`)
  return (
    <Dialog title={session.device_name} onClose={onClose}>
      <Ready of={told}>
        {({ explanation, decisions }) => (
          <>
            <p>{explanation}</p>
            <ol class="stack tight">
              {decisions.map(({ happened_at, what, network, program }) => (
                <li key={happened_at + what}>
                  <p>{what}</p>
                  <div class="facts">
                    <time dateTime={happened_at}>{moment(happened_at)}</time>
                    {network && <span>{network}</span>}
                    {program && <span>{program}</span>}
                  </div>
                </li>
              ))}
            </ol>
          </>
        )}
      </Ready>
      <div class="row">
        <button type="button" class="button quiet" onClick={onClose}>
          {say('close')}
        </button>
      </div>
    </Dialog>
  )
}
