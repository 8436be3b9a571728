import { knob, postgres, whole } from './config-values.ts'

/** Where PostgreSQL is, and how much of it this server takes. */
export const databaseKnobs = {
  DATABASE_URL: knob(
    'postgres://…',
    '',
    'A PostgreSQL database, of several hosts with commas between the one that is written to; SQLite in DATA_DIR when empty.',
    postgres,
  ),
  DATABASE_CONNECTIONS: knob(
    '1 to 200',
    '10',
    'Connections to PostgreSQL that this server takes at most, and one more for who is known and for health.',
    whole(1, 200),
  ),
} as const
