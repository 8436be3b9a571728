import { useEffect, useState } from 'preact/hooks'
import { useAct } from '../act.ts'
import { call } from '../api.ts'
import { useLoad } from '../load.ts'
import { moment, number, say } from '../words.ts'
import type { AuditEvent } from './admin-trail.tsx'
import type { Person } from './admin-users.tsx'
import { Problem } from './states.tsx'
import { toast } from './toast.tsx'

const UNDO_MS = 10 * 60_000

interface Page {
  readonly data: readonly AuditEvent[]
}

/** The panics of the last ten minutes that nobody undid, whoever did them: the trail knows. */
export function usePanics() {
  const confirmed = useLoad<Page>('/v1/admin/audit?event=panic.confirmed')
  const undone = useLoad<Page>('/v1/admin/audit?event=panic.undone')
  const over = new Set(undone.value?.data.map(({ subject_id }) => subject_id))
  const list = (confirmed.value?.data ?? []).filter(({ subject_id }) => !over.has(subject_id))
  const reload = async () => {
    await Promise.all([confirmed.reload(), undone.reload()])
  }
  return { list: undone.value ? list : [], reload }
}

interface UndoableProps {
  readonly panics: ReturnType<typeof usePanics>
}

/** What can still be undone, and for how long. */
export function Undoable({ panics: { list, reload } }: UndoableProps) {
  const now = useClock()
  const { busy, failure, act } = useAct()
  const undo = ({ subject_id }: AuditEvent) =>
    act(async () => {
      const { restored } = await call<{ restored: { sessions: number; api_keys: number } }>(
        'POST',
        `/v1/admin/panic/${subject_id}/undo`,
      )
      toast(
        say('panicUndone', {
          sessions: number(restored.sessions),
          keys: number(restored.api_keys),
        }),
      )
      await reload()
    })
  const live = list.filter(({ happened_at }) => Date.parse(happened_at) + UNDO_MS > now)
  if (live.length === 0) return null
  return (
    <section class="stack tight" aria-label={say('undo')}>
      {live.map((event) => {
        const until = Date.parse(event.happened_at) + UNDO_MS
        const minutes = Math.min(10, Math.ceil((until - now) / 60_000))
        return (
          <div class="notice warn row apart" key={event.id}>
            <p class="grows">
              <strong class="breaks">
                <Target of={event.reason ?? ''} />
              </strong>
              <br />
              {say('undoUntil', { when: moment(new Date(until).toISOString()), minutes })}
            </p>
            <button
              type="button"
              class="button quiet small"
              disabled={busy}
              onClick={() => undo(event)}
            >
              {say('undo')}
            </button>
          </div>
        )
      })}
      <Problem cause={failure} />
    </section>
  )
}

/** What it was about; of a person the address. */
function Target({ of: text }: { readonly of: string }) {
  const [, id] = /^user (usr_[0-9a-f]{32})$/.exec(text) ?? []
  return id ? <Address of={id} /> : text
}

function Address({ of: id }: { readonly of: string }) {
  const person = useLoad<Person>(`/v1/admin/users/${id}`).value
  return <>{person?.email ?? id}</>
}

/** The time, a few times a minute. */
function useClock(): number {
  const [now, setNow] = useState(Date.now())
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 5000)
    return () => clearInterval(timer)
  }, [])
  return now
}
