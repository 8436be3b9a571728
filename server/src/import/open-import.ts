import { ConfigError } from '../config.ts'
import { detectFormat, looksLikeFirebaseTable } from './detect.ts'
import { type ExportFile, openExport } from './export-file.ts'
import { type Extras, type FormatName, firebaseColumns, formats } from './formats.ts'
import type { FirebaseParameters } from './hash-spelling.ts'
import { textOf } from './newcomer.ts'

export const formatNames = ['auto', ...Object.keys(formats)]

/** An export, whose it is, and what its rows need to be read. */
export interface Import {
  readonly file: ExportFile
  readonly format: FormatName
  readonly extras: Extras
}

export async function openImport(
  path: string,
  asked: string,
  { firebase, now }: { firebase: FirebaseParameters | null; now: number },
): Promise<Import> {
  const mayBeFirebase = asked === 'auto' || asked === 'firebase'
  const file = openExport(path, (head) =>
    mayBeFirebase && looksLikeFirebaseTable(head) ? firebaseColumns : null,
  )
  const format = asked === 'auto' ? await detectFormat(file) : formatOf(asked)
  const passwords = format === 'better-auth' ? await readAccounts(file) : new Map<string, string>()
  return { file, format, extras: { firebase, passwords, now } }
}

function formatOf(asked: string): FormatName {
  const name = (Object.keys(formats) as FormatName[]).find((each) => each === asked)
  if (!name) throw new ConfigError([`--format takes ${formatNames.join(', ')}; not ${asked}.`])
  return name
}

/** The list of accounts may stand before the people or behind them, so it is read first. */
async function readAccounts(file: ExportFile): Promise<ReadonlyMap<string, string>> {
  const passwords = new Map<string, string>()
  for await (const { list, fields } of file.rows()) {
    if (!list.startsWith('account')) continue
    const owner = textOf(fields, 'userId', 'user_id')
    const password = textOf(fields, 'password')
    if (owner && password) passwords.set(owner, password)
  }
  return passwords
}
