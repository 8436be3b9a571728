import { randomBytes } from 'node:crypto'
import { chmodSync, linkSync, readFileSync, unlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Config, ConfigError } from './config.ts'

const FEWEST_BYTES = 32
const FEWEST_DIFFERENT = 12
/** Words that stand in examples and in lists of guessed secrets. */
const sampleWords =
  /changeme|change-me|example|secret|password|your-|yoursecret|default|12345678|qwerty/i

/** The secrets of this server, newest first: from the environment, a file, or made and kept in the data folder. */
export function readSecrets(config: Config): readonly string[] {
  if (config.secretKey) return checked(config.secretKey, 'SECRET_KEY')
  if (config.secretKeyFile) return checked(readSecretFile(config.secretKeyFile), 'SECRET_KEY_FILE')
  const file = secretFileOf(config)
  return checked(readOrMake(file), file)
}

/** Where the secret of a server stands that has none in its environment. */
export function secretFileOf(config: Config): string {
  return config.secretKeyFile ?? join(config.dataDir, 'secret.key')
}

/** Puts a new secret before the others of a file; those go on proving what they made. */
export function addSecret(file: string): void {
  const before = readFileSync(file, 'utf8')
  writeFileSync(file, `${freshSecret()}\n${before}`, { mode: 0o600 })
}

function checked(text: string, from: string): readonly string[] {
  const secrets = text.split(/\s+/).filter(Boolean)
  const problems = secrets.flatMap((secret) => weakness(secret) ?? [])
  if (secrets.length === 0) problems.push('is empty')
  if (new Set(secrets).size < secrets.length) problems.push('holds the same secret twice')
  if (problems.length === 0) return secrets
  const how = 'make one with: openssl rand -base64 48'
  throw new ConfigError(problems.map((problem) => `${from}: ${problem}; ${how}`))
}

/** What is wrong with a secret, without telling it. */
function weakness(secret: string): string | null {
  if (Buffer.byteLength(secret) < FEWEST_BYTES) return `has fewer than ${FEWEST_BYTES} bytes`
  if (new Set(secret).size < FEWEST_DIFFERENT) return 'repeats itself'
  if (sampleWords.test(secret)) return 'is one that stands in examples'
  return null
}

function readSecretFile(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new ConfigError([
      `SECRET_KEY_FILE: ${file} cannot be read (${(cause as NodeJS.ErrnoException).code})`,
    ])
  }
}

/** Of two servers that start at once, both use the secret of the first: a link is made once. */
function readOrMake(file: string): string {
  const draft = `${file}.${process.pid}`
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause
  }
  writeFileSync(draft, `${freshSecret()}\n`, { mode: 0o600 })
  try {
    chmodSync(draft, 0o600)
    linkSync(draft, file)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause
  } finally {
    unlinkSync(draft)
  }
  return readFileSync(file, 'utf8')
}

const freshSecret = () => randomBytes(48).toString('base64')
