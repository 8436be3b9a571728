/**
 * Of PostgreSQL's codes those that say nothing about the statement: it is away, starting, full, out of memory, took too long or waited too long for a lock, cannot
 * read its own files, became one that is only read, or lets us in no more.
 */
const LOST =
  /^(57P0[1-5]|57014|53\d{3}|08\d{3}|25P0[34]|25006|26000|28\w{3}|3D000|55000|55P03|58\w{3}|XX00[0-2]|E[A-Z]+)$/

/** Said by the client where no code came. */
const LOST_WORDS = /timeout|terminated|ended|closed|queryable|SSL|SASL|password/i

/** Not answered, and no fault of the statement: whoever asked is told so, and may ask again. */
export function isLost(cause: unknown): boolean {
  const code = codeOf(cause)
  if (LOST.test(code)) return true
  return cause instanceof Error && LOST_WORDS.test(cause.message) && !code
}

/** It may be tried again at once. */
export const isDeadlock = (cause: unknown) => ['40001', '40P01'].includes(codeOf(cause))

/** Nothing was sent. */
export const isRefused = (cause: unknown) => codeOf(cause) === 'ECONNREFUSED'

/** No answer came in time, and the statement may still be at work there. */
export const isSilent = (cause: unknown) =>
  cause instanceof Error && cause.message === 'Query read timeout'

function codeOf(cause: unknown): string {
  return cause instanceof Error && 'code' in cause ? String(cause.code) : ''
}
