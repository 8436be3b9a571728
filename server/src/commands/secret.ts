import { defineCommand } from 'citty'
import { allowed } from '../auth/audit.ts'
import { createKeyring } from '../auth/keyring.ts'
import { type Rotated, rotatePair } from '../auth/signing-keys.ts'
import { type Config, ConfigError, readConfig } from '../config.ts'
import type { App } from '../context.ts'
import { fail } from '../main.ts'
import { addSecret, readSecrets, secretFileOf } from '../secret-file.ts'
import { answer, json, operate, origin } from './shell.ts'

const sentences: Readonly<Record<Rotated, string>> = {
  rotated:
    'The next key pair signs tokens from now on; servers that run hear of it within a minute.',
  'no pair': 'There is no key pair to rotate: JWT_ALG is HS256, or no server has started with it.',
  'too young':
    'The key pair stays: the next one is younger than ten minutes, and not everybody knows it yet.',
}

const addSecretCommand = defineCommand({
  meta: {
    name: 'rotate',
    description: 'Put a new secret and key pair before the old ones; nobody is logged out',
  },
  args: {
    'pair-only': {
      type: 'boolean',
      description: 'Leave the secret, and rotate the key pair that signs tokens',
      default: false,
    },
    json,
  },
  async run({ args }) {
    const config = readConfig()
    if (args['pair-only']) return rotatePairOnly(args, config)
    if (config.secretKey)
      fail(new ConfigError(['SECRET_KEY: put the new one before it, with a space between.']))
    const file = secretFileOf(config)
    await operate(async ({ app }) => {
      addSecret(file)
      const event = allowed({ now: app.now(), origin }, 'secret.rotated', { actor: 'shell' })
      await app.store.audit.record(event)
      const pair = await rotate(app, config)
      answer(
        args,
        { file, pair },
        'A new secret stands first. Restart the server; drop the last one after 30 days.',
        ...(config.jwtAlg === 'HS256' ? [] : [sentences[pair]]),
      )
    })
  },
})

async function rotatePairOnly(args: { readonly json: boolean }, config: Config): Promise<void> {
  await operate(async ({ app }) => {
    const pair = await rotate(app, config)
    if (pair !== 'rotated') throw new ConfigError([sentences[pair]])
    answer(args, { pair }, sentences[pair])
  })
}

/** What is made is sealed under the secret that stands first now. */
function rotate(app: App, config: Config): Promise<Rotated> {
  const keyring = createKeyring(readSecrets(config))
  const parts = { store: app.store.signingKeys, keyring, algorithm: config.jwtAlg }
  const about = { actor: 'shell' }
  return rotatePair(parts, allowed({ now: app.now(), origin }, 'signing_key.rotated', about))
}

export const secretCommand = defineCommand({
  meta: { name: 'secret', description: 'The root of every key' },
  subCommands: { rotate: addSecretCommand },
})
