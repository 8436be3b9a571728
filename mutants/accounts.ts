import type { Mutant } from './mutant.ts'

export const accounts: readonly Mutant[] = [
  {
    name: 'a change of names takes none that is held for a registration',
    file: 'store/users.ts',
    find: 'address <> users.address AND expires_at > :now',
    replace: 'address = users.address AND expires_at > :now',
    tests: 'profile.test.ts',
    named: 'or held',
  },
  {
    name: 'a change of names keeps to the rules of user names',
    file: 'account/profile.ts',
    find: 'user_name && requireUserName(user_name)',
    replace: 'user_name',
    tests: 'profile.test.ts',
    named: 'attack 056',
  },
]
