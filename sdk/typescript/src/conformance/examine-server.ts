import { edgeRules } from './edge-rules.ts'
import { type Account, foundingFlow } from './founding-flow.ts'
import type { Verdict } from './play-scene.ts'
import { answerRules, type ServerRule, serverRules } from './server-rules.ts'
import { talkWith } from './server-talk.ts'

/** Asks a server what the contract says; with an account, the whole founding flow too. */
export async function examineServer(
  baseUrl: string,
  account: Account | null,
  isChosen: (name: string) => boolean = () => true,
): Promise<Verdict[]> {
  const talk = talkWith(baseUrl)
  const flow = account ? foundingFlow(account) : []
  const verdicts: Verdict[] = []
  // A step of the flow stands on those before it, and rules for all answers need answers: all are asked.
  for (const rule of [...serverRules, ...edgeRules, ...flow, ...answerRules]) {
    verdicts.push(await verdictOf(rule, talk))
  }
  return verdicts.filter(({ name }) => isChosen(name))
}

/** The names that `--only` takes, in their order. */
export function ruleNames(hasAccount: boolean): string[] {
  const account = { email: '', password: '', code: async () => '' }
  const flow = hasAccount ? foundingFlow(account) : []
  return [...serverRules, ...edgeRules, ...flow, ...answerRules].map(({ name }) => name)
}

async function verdictOf(
  { name, promise, check }: ServerRule,
  talk: Parameters<ServerRule['check']>[0],
): Promise<Verdict> {
  const did = await check(talk).catch((cause: Error) => `no answer came (${cause.message})`)
  const sentence = did === null ? `${promise}.` : `expected that ${promise}, but ${did}.`
  return { name, passed: did === null, sentence }
}
