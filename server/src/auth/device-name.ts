import Bowser from 'bowser'
import { LRUCache } from 'lru-cache'

const MOST_CHARACTERS = 64
const MOST_REMEMBERED = 1000

/** What a person would call the program behind a user agent: `Firefox on Linux`, else its first word. */
export function programName(agent: string): string {
  if (!agent) return 'an unknown program'
  const { browser, os } = read(agent)
  if (browser.name && os.name) return `${browser.name} on ${os.name}`
  const [word = ''] = (browser.name || agent).split(/[/\s]/)
  return word.slice(0, MOST_CHARACTERS) || 'an unknown program'
}

/** The system that a user agent names, such as `Linux`; null when it names none. */
export function platformName(agent: string): string | null {
  return (agent && read(agent).os.name) || null
}

type Parsed = Pick<Bowser.Parser.ParsedResult, 'browser' | 'os'>
const known = new LRUCache<string, Parsed>({ max: MOST_REMEMBERED })

/** It tries some hundred patterns, and a list of sessions names few programs many times. */
function read(agent: string): Parsed {
  const parsed = known.get(agent) ?? Bowser.parse(agent)
  known.set(agent, parsed)
  return parsed
}
