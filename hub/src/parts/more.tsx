import { useAct } from '../act.ts'
import { say } from '../words.ts'
import { Problem } from './states.tsx'

/** Asks for the next page of a list; nothing after the last one. */
export function More({ more }: { readonly more: (() => Promise<void>) | null }) {
  const { busy, failure, act } = useAct()
  if (!more) return null
  return (
    <div class="row">
      <Problem cause={failure} />
      <button
        type="button"
        class="button quiet small"
        disabled={busy}
        onClick={() => void act(more)}
      >
        {say('more')}
      </button>
    </div>
  )
}
