import Bowser from 'bowser'

const MOST_CHARACTERS = 64

/** What a person would call the program behind a user agent: `Firefox on Linux`, else its first word. */
export function programName(agent: string): string {
  if (!agent) return 'an unknown program'
  const { browser, os } = Bowser.parse(agent)
  if (browser.name && os.name) return `${browser.name} on ${os.name}`
  const [word = ''] = (browser.name || agent).split(/[/\s]/)
  return word.slice(0, MOST_CHARACTERS) || 'an unknown program'
}

/** The system that a user agent names, such as `Linux`; null when it names none. */
export function platformName(agent: string): string | null {
  return (agent && Bowser.parse(agent).os.name) || null
}
