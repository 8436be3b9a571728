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
  return useReading(useCallback(() => call<Value>('GET', path), [path]))
}

/** A whole list, page after page. */
export function useList<Item extends Listed>(path: string): Loaded<readonly Item[]> {
  return useReading(useCallback(() => readAll<Item>(path), [path]))
}

/** The pages of a list that were asked for so far; `more` is null after the last one. */
export function usePages<Item extends Listed>(
  path: string,
): Loaded<readonly Item[]> & { readonly more: (() => Promise<void>) | null } {
  const [hasMore, setHasMore] = useState(false)
  const asked = useRef(path)
  asked.current = path
  const read = useCallback(
    async (after?: string) => {
      const page = await readPage<Item>(path, after)
      if (asked.current === path) setHasMore(page.has_more)
      return page.data
    },
    [path],
  )
  const shown = useReading(read)
  const more = async () => {
    const before = shown.value ?? []
    const next = await read(before.at(-1)?.id)
    // Another list may have been asked for meanwhile.
    if (asked.current === path) shown.put([...before, ...next])
  }
  return { ...shown, more: hasMore ? more : null }
}

interface Listed {
  readonly id: string
}

interface Page<Item> {
  readonly data: readonly Item[]
  readonly has_more: boolean
}

/** More pages than anybody has; a server that always says there is more is not believed for ever. */
const MOST_PAGES = 50

/** All items of a list. */
export async function readAll<Item extends Listed>(path: string): Promise<readonly Item[]> {
  const items: Item[] = []
  for (let pages = 0; pages < MOST_PAGES; pages++) {
    const { data, has_more } = await readPage<Item>(path, items.at(-1)?.id)
    items.push(...data)
    if (!has_more) break
  }
  return items
}

function readPage<Item>(path: string, after?: string): Promise<Page<Item>> {
  const query = new URLSearchParams({ limit: '100', ...(after ? { after } : {}) })
  return call<Page<Item>>('GET', `${path}${path.includes('?') ? '&' : '?'}${query}`)
}

function useReading<Value>(read: () => Promise<Value>): Loaded<Value> {
  const [state, setState] = useState<{ value: Value | null; failure: unknown }>({
    value: null,
    failure: null,
  })
  const newest = useRef(0)
  const reload = useCallback(async () => {
    newest.current += 1
    const mine = newest.current
    try {
      const value = await read()
      if (mine === newest.current) setState({ value, failure: null })
    } catch (failure) {
      if (mine === newest.current) setState((before) => ({ ...before, failure }))
    }
  }, [read])
  useEffect(() => {
    void reload()
  }, [reload])
  const put = useCallback((value: Value) => setState({ value, failure: null }), [])
  return { ...state, reload, put }
}
