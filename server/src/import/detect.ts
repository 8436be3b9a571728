import type { ExportFile, ExportRow } from './export-file.ts'
import type { FormatName } from './formats.ts'

/** What only one kind of export has: names of its own, or the look of a value. */
const signs: readonly (readonly [FormatName, (row: ExportRow, head: string) => boolean])[] = [
  ['firebase', ({ fields }) => 'localId' in fields],
  ['supabase', ({ fields }) => 'encrypted_password' in fields],
  ['clerk', ({ fields }) => 'password_digest' in fields || 'primary_email_address' in fields],
  [
    'keycloak',
    ({ fields, list }, head) =>
      'createdTimestamp' in fields ||
      'credentials' in fields ||
      (list === 'users' && /"realm"\s*:/.test(head)),
  ],
  [
    'better-auth',
    ({ fields, list }) => list === 'user' || ('emailVerified' in fields && 'password' in fields),
  ],
  ['better-auth', ({ fields }) => 'emailverified' in fields],
  [
    'auth0',
    ({ fields }) => 'passwordHash' in fields || 'user_id' in fields || 'identifiers' in fields,
  ],
]

/** Firebase's table has no line of names: its third cell says whether the address in the second was proven. */
export function looksLikeFirebaseTable(head: string): boolean {
  const cells = (head.split('\n')[0] ?? '').split(',')
  return cells.length >= 28 && /^(true|false)$/.test(cells[2] ?? '')
}

/** Whose export it is, by its first row that can be read; our own form when nothing tells. */
export async function detectFormat(file: ExportFile): Promise<FormatName> {
  for await (const row of file.rows()) {
    if (row.problem || row.list.startsWith('account')) continue
    const found = signs.find(([, shows]) => shows(row, file.head))
    if (found) return found[0]
    break
  }
  return file.isJson ? 'json' : 'csv'
}
