import { homedir } from 'node:os'
import { join } from 'node:path'

/** The folders of a program of this person, where their system wants them. */
export interface Places {
  /** What was chosen, and the key of the files. */
  readonly config: string
  /** What a program remembers. */
  readonly state: string
}

type Env = Readonly<Record<string, string | undefined>>

export function placesOf(platform: string, env: Env, home: string = homedir()): Places {
  const { XDG_CONFIG_HOME, XDG_STATE_HOME, APPDATA, LOCALAPPDATA } = env
  const folder = (named: string | undefined, ...standard: string[]) =>
    join(named || join(home, ...standard), 'freddy')
  if (platform === 'win32') {
    return {
      config: folder(APPDATA, 'AppData', 'Roaming'),
      state: folder(LOCALAPPDATA, 'AppData', 'Local'),
    }
  }
  if (platform === 'darwin') {
    const library = join(home, 'Library')
    return {
      config: join(library, 'Preferences', 'freddy'),
      state: join(library, 'Application Support', 'freddy'),
    }
  }
  return {
    config: folder(XDG_CONFIG_HOME, '.config'),
    state: folder(XDG_STATE_HOME, '.local', 'state'),
  }
}
