import { accounts } from './accounts.ts'
import { bodies } from './bodies.ts'
import { codes } from './codes.ts'
import { edge } from './edge.ts'
import { feed } from './feed.ts'
import { foreign } from './foreign.ts'
import { keys } from './keys.ts'
import { ledger } from './ledger.ts'
import { mail } from './mail.ts'
import type { Mutant } from './mutant.ts'
import { pairings } from './pairings.ts'
import { panic } from './panic.ts'
import { passwords } from './passwords.ts'
import { places } from './places.ts'
import { processes } from './processes.ts'
import { registration } from './registration.ts'
import { relatives } from './relatives.ts'
import { schema } from './schema.ts'
import { sessions } from './sessions.ts'
import { store } from './store.ts'
import { tokens } from './tokens.ts'
import { traces } from './traces.ts'
import { webhooks } from './webhooks.ts'

export const mutants: readonly Mutant[] = [
  ...codes,
  ...passwords,
  ...foreign,
  ...registration,
  ...relatives,
  ...accounts,
  ...tokens,
  ...traces,
  ...sessions,
  ...feed,
  ...pairings,
  ...keys,
  ...ledger,
  ...panic,
  ...edge,
  ...bodies,
  ...places,
  ...mail,
  ...store,
  ...processes,
  ...schema,
  ...webhooks,
]
