import type { ComponentChildren } from 'preact'
import { Refusal, sentenceOf } from '../api.ts'
import type { Loaded } from '../load.ts'
import { say } from '../words.ts'

/** What is shown while something is read, when that failed, and when it is there; also when reading it anew failed. */
export function Ready<Value>({
  of,
  children,
}: {
  readonly of: Loaded<Value>
  readonly children: (value: Value) => ComponentChildren
}) {
  const failed = of.failure ? <Failed cause={of.failure} retry={of.reload} /> : null
  if (of.value !== null) {
    return (
      <>
        {failed}
        {children(of.value)}
      </>
    )
  }
  if (failed) return failed
  return (
    <div class="stack" aria-busy="true">
      <span class="visually-hidden">{say('loading')}</span>
      {[0, 1, 2].map((each) => (
        <span class="skeleton" key={each} style={{ height: '4.5rem' }} />
      ))}
    </div>
  )
}

export function Failed({ cause, retry }: { readonly cause: unknown; readonly retry: () => void }) {
  return (
    <div class="problem row apart" role="alert">
      <span>{sentenceOf(cause)}</span>
      <button type="button" class="button quiet small" onClick={retry}>
        {say('tryAgain')}
      </button>
    </div>
  )
}

/** What a form's last try came to; where a fresh sign-in helps, the way to one. */
export function Problem({ cause }: { readonly cause: unknown }) {
  if (!cause) return null
  const anew = cause instanceof Refusal && cause.details.reason === 'sign_in_again'
  return (
    <div class="problem stack tight" role="alert">
      <p>{sentenceOf(cause)}</p>
      {anew && (
        <form method="post" action={`/sign-out?next=${encodeURIComponent(location.pathname)}`}>
          <button type="submit" class="button quiet small">
            {say('signInAgain')}
          </button>
        </form>
      )}
    </div>
  )
}

export function When({ iso, text }: { readonly iso: string; readonly text: string }) {
  return (
    <time dateTime={iso} title={new Date(iso).toLocaleString()}>
      {text}
    </time>
  )
}
