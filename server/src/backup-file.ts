import { createHash } from 'node:crypto'
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs'
import { dirname } from 'node:path'
import { type Keyring, keyedHash, sameText } from './auth/keyring.ts'
import { ConfigError } from './config.ts'
import type { Snapshot, TableRow } from './store/backup.ts'

const FORMAT = 'freddy-auth backup 1'

/** The first line. Each line after it is a row, and the last one proves all before it. */
interface Header {
  readonly format: string
  readonly made_at: string
  readonly schema: readonly string[]
  /** Which secret the rows were made with; tells nothing of it. */
  readonly key_check: string
}

interface Proof {
  readonly rows: number
  /** Of every byte before this line: finds damage. */
  readonly sha256: string
  /** The same under a key of the secret: finds who changed the file and its sum. */
  readonly seal: string
}

/** Writes a backup under its name only once it is whole, on the disk, and was read back. */
export function writeBackup(
  file: string,
  { keyring, snapshot, now }: { keyring: Keyring; snapshot: Snapshot; now: number },
): void {
  if (existsSync(file)) throw new ConfigError([`${file} is there already; choose another name.`])
  const draft = `${file}.${process.pid}.part`
  try {
    writeLines(draft, linesOf(snapshot, keyring, now))
    const { rows } = readBackup(draft, keyring)
    if (rows.length !== snapshot.rows.length) throw new Error(`${draft} was not written whole`)
    renameSync(draft, file)
    syncFolder(dirname(file))
  } catch (cause) {
    rmSync(draft, { force: true })
    throw cause
  }
}

/** The rows of a backup, when it is whole, ours, and made with this secret. */
export function readBackup(file: string, keyring: Keyring): Snapshot {
  const lines = splitLines(readBytes(file))
  const [first = '', ...rest] = lines
  const last = rest.pop() ?? ''
  const header = parse<Header>(first)
  if (header?.format !== FORMAT)
    throw new ConfigError([`${file} is not a backup that this server knows.`])
  const proof = parse<Proof>(last)
  const sum = sumOf([first, ...rest])
  if (proof?.sha256 !== sum || proof.rows !== rest.length) {
    throw new ConfigError([`${file} is damaged or cut short; take another backup.`])
  }
  requireOurs(file, { keyring, header, proof })
  return { schema: header.schema, rows: rest.map((line) => JSON.parse(line) as TableRow) }
}

function requireOurs(
  file: string,
  { keyring, header, proof }: { keyring: Keyring; header: Header; proof: Proof },
): void {
  if (!keyring.all.some((keys) => keys.check === header.key_check)) {
    throw new ConfigError([
      `${file} was made with another secret: put that one into SECRET_KEY, or its secret.key into DATA_DIR.`,
    ])
  }
  const seals = keyring.all.map((keys) => keyedHash(keys.of.backup, proof.sha256))
  if (!seals.some((seal) => sameText(seal, proof.seal))) {
    throw new ConfigError([`${file} was changed by somebody without the secret; do not use it.`])
  }
}

function* linesOf({ schema, rows }: Snapshot, keyring: Keyring, now: number): Generator<string> {
  const hash = createHash('sha256')
  const told = (line: string) => {
    hash.update(`${line}\n`)
    return line
  }
  const header: Header = {
    format: FORMAT,
    made_at: new Date(now).toISOString(),
    schema,
    key_check: keyring.current.check,
  }
  yield told(JSON.stringify(header))
  for (const row of rows) yield told(JSON.stringify(row))
  const sha256 = hash.digest('hex')
  const seal = keyedHash(keyring.current.of.backup, sha256)
  yield JSON.stringify({ rows: rows.length, sha256, seal } satisfies Proof)
}

function writeLines(file: string, lines: Iterable<string>): void {
  const handle = openSync(file, 'wx', 0o600)
  try {
    for (const line of lines) writeSync(handle, `${line}\n`)
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}

function readBytes(file: string): Buffer {
  try {
    return readFileSync(file)
  } catch (cause) {
    throw new ConfigError([`${file} cannot be read (${(cause as NodeJS.ErrnoException).code}).`])
  }
}

/** Lines by their line feed alone: a row's text may hold any other separator. */
function splitLines(bytes: Buffer): string[] {
  const lines: string[] = []
  let from = 0
  for (let to = bytes.indexOf(10); to !== -1; to = bytes.indexOf(10, from)) {
    lines.push(bytes.toString('utf8', from, to))
    from = to + 1
  }
  // What follows the last line feed belongs to no line: a whole file has nothing there.
  return from === bytes.length ? lines : []
}

function sumOf(lines: readonly string[]): string {
  const hash = createHash('sha256')
  for (const line of lines) hash.update(`${line}\n`)
  return hash.digest('hex')
}

function parse<T>(line: string): (Partial<T> & T) | null {
  try {
    return JSON.parse(line)
  } catch {
    return null
  }
}
