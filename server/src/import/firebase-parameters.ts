import { readFileSync } from 'node:fs'
import { ConfigError } from '../config.ts'
import type { FirebaseParameters } from './hash-spelling.ts'

const WHERE =
  'Firebase shows them in its console: Authentication, Users, the three dots, "Password hash parameters".'

/** The hash parameters of a Firebase project, as its console shows them; null for none given. */
export function readFirebaseParameters(
  file: string | undefined,
  given: Readonly<Record<'signerKey' | 'saltSeparator' | 'rounds' | 'memCost', string | undefined>>,
): FirebaseParameters | null {
  const text = file === undefined ? '' : read(file)
  const find = (name: string) => new RegExp(`\\b${name}\\s*:\\s*"?([^\\s,"}]+)`).exec(text)?.[1]
  const signerKey = given.signerKey ?? find('base64_signer_key')
  if (file !== undefined && !signerKey) {
    throw new ConfigError([`${file} names no base64_signer_key. ${WHERE}`])
  }
  if (!signerKey) return null
  return {
    signerKey,
    saltSeparator: given.saltSeparator ?? find('base64_salt_separator') ?? 'Bw==',
    rounds: whole('rounds', given.rounds ?? find('rounds') ?? '8'),
    memCost: whole('mem-cost', given.memCost ?? find('mem_cost') ?? '14'),
  }
}

export function missingParameters(): ConfigError {
  return new ConfigError([
    `Firebase's hashes are proven with the project's parameters: --firebase-parameters FILE. ${WHERE} Without them: --reset-unreadable.`,
  ])
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    throw new ConfigError([`There is no file ${file}.`])
  }
}

function whole(name: string, text: string): number {
  if (!/^\d{1,2}$/.test(text))
    throw new ConfigError([`--firebase-${name} takes a number; not ${text}.`])
  return Number(text)
}
