import { registerHooks } from 'node:module'

/*
 * Loaded ahead of a server: one that does not sync its commits, as nobody may run it. It is there so that a scene which finds
 * nothing lost on the real one can show that it would.
 */
registerHooks({
  load(url, context, next) {
    const loaded = next(url, context)
    if (!url.endsWith('/store/sqlite-open.ts')) return loaded
    const source = String(loaded.source)
    const careless = source
      .replace('synchronous = FULL', 'synchronous = NORMAL')
      .replace("'synchronous', 2", "'synchronous', 1")
    if (careless === source) throw new Error('SQLite is opened in another way')
    return { ...loaded, source: careless }
  },
})
