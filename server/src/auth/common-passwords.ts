import { dictionary } from '@zxcvbn-ts/language-common'

/** What nobody may choose, whatever the person is called. Large: to be imported when somebody first chooses. */
export const commonPasswords: ReadonlySet<string> = new Set(
  Object.entries(dictionary)
    .filter(([name]) => name.startsWith('passwords'))
    .flatMap(([, words]) => words.map(String)),
)
