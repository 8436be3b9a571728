import { useCallback, useEffect, useRef, useState } from 'preact/hooks'
import { call } from './api.ts'

/** Something that is read from the server: what there is of it, and how to read it again. */
export interface Loaded<Value> {
  readonly value: Value | null
  readonly failure: unknown
  readonly reload: () => Promise<void>
  /** Shows this until the next reading: for changes that the server has confirmed. */
  readonly put: (value: Value) => void
}

export function useLoad<Value>(path: string): Loaded<Value> {
  const [state, setState] = useState<{ value: Value | null; failure: unknown }>({
    value: null,
    failure: null,
  })
  const newest = useRef(0)
  const reload = useCallback(async () => {
    newest.current += 1
    const mine = newest.current
    try {
      const value = await call<Value>('GET', path)
      if (mine === newest.current) setState({ value, failure: null })
    } catch (failure) {
      if (mine === newest.current) setState((before) => ({ ...before, failure }))
    }
  }, [path])
  useEffect(() => {
    void reload()
  }, [reload])
  const put = useCallback((value: Value) => setState({ value, failure: null }), [])
  return { ...state, reload, put }
}
