import Bowser from 'bowser'
import { LRUCache } from 'lru-cache'

const MOST_CHARACTERS = 32
const MOST_REMEMBERED = 1000

const UNKNOWN = 'an unknown program'
/** Browsers that are told by a mark in the agent, so that their name is no word of it. */
const browsers = new Set(Object.values(Bowser.BROWSER_MAP))

/**
 * What a person would call the program behind a user agent: `Firefox on Linux`, else its first word. It stands in letters to
 * people who never asked for one, so nothing that a caller writes becomes a sentence of it, or a link.
 */
export function programName(agent: string): string {
  if (!agent) return UNKNOWN
  const { browser, os } = read(agent)
  const name = browser.name && browsers.has(browser.name) ? browser.name : firstWord(agent)
  return name && os.name ? `${name} on ${os.name}` : name || UNKNOWN
}

/** Mail programs make links of words with dots between. */
function firstWord(agent: string): string {
  const [word = ''] = agent.split(/[/\s]/)
  return word
    .replace(/[^\w+-]+/g, '-')
    .replace(/^[^a-z]+|-+$/gi, '')
    .slice(0, MOST_CHARACTERS)
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
