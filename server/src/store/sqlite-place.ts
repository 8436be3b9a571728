import { statSync } from 'node:fs'

/** Which files stand under the names of a database and its log: others, when somebody removed or replaced them. */
export interface SqlitePlace {
  readonly file: string
  readonly log: string
}

/** No file stands there. */
export const NONE = 'none'

export function placeOf(path: string): SqlitePlace {
  return { file: nodeOf(path), log: nodeOf(`${path}-wal`) }
}

function nodeOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false })
  return found ? `${found.dev} ${found.ino}` : NONE
}
