import { dirname } from 'node:path'

/** The clone. */
export const root = dirname(dirname(import.meta.dirname))
