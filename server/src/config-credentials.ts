import { knob, oneOf, some, whole } from './config-values.ts'

/** What credentials are made with, and how long a key is believed. */
export const credentialKnobs = {
  SECRET_KEY: knob(
    '32 bytes or more; several, newest first, with spaces between',
    '',
    'The root of every key. Made and kept in DATA_DIR when empty.',
    some,
  ),
  SECRET_KEY_FILE: knob('a file', '', 'A file that holds SECRET_KEY, one a line.', some),
  JWT_ALG: knob(
    'HS256, EdDSA, ES256 or RS256',
    'HS256',
    'How access tokens are signed; all but HS256 so that others can verify them (docs/verifying.md).',
    oneOf('HS256', 'EdDSA', 'ES256', 'RS256'),
  ),
  KEY_LEASE_SECONDS: knob(
    '0 to 3600',
    '600',
    'How long sessions and API keys go on by what was last known of them while the database is away; 0 not at all.',
    whole(0, 3600),
  ),
}
