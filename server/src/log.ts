import { pino } from 'pino'

/** The fields that may be logged. Everything else stays out, whoever passes it. */
export interface LogFields {
  readonly event: string
  readonly requestId?: string
  readonly method?: string
  /** The route's pattern, never its path: paths can hold keys. */
  readonly route?: string
  readonly status?: number
  readonly code?: string
  readonly milliseconds?: number
  readonly source?: string
  readonly userId?: string
  readonly mailId?: string
  readonly webhookId?: string
  readonly reason?: string
  readonly count?: number
  /** What went wrong; its name, message and the place in our code are written, nothing that it carries. */
  readonly cause?: unknown
}

export interface Log {
  /** Whether anybody reads the line of a request: else none is put together. */
  readonly hearsRequests: boolean
  info(fields: LogFields): void
  warn(fields: LogFields): void
  error(fields: LogFields): void
}

/** Of what others say of a failure. */
const MOST_WORDS = 2000

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'silent'

/** JSON lines on standard error, from an allow list of fields (security rule 25). */
export function createLog(level: LogLevel, write?: (line: string) => void): Log {
  const destination = write ? { write } : pino.destination({ fd: 2, sync: false })
  const lines = pino({ level, base: null, timestamp: pino.stdTimeFunctions.isoTime }, destination)
  return {
    hearsRequests: lines.isLevelEnabled('info'),
    info: (fields) => lines.info(listed(fields)),
    warn: (fields) => lines.warn(listed(fields)),
    error: (fields) => lines.error(listed(fields)),
  }
}

function listed(fields: LogFields): Record<string, unknown> {
  const { event, requestId, method, route, status, code, milliseconds, source } = fields
  const { userId, mailId, webhookId, reason, count, cause } = fields
  const line = { event, requestId, method, route, status, code, milliseconds, source }
  return {
    ...line,
    userId,
    mailId,
    webhookId,
    reason,
    count,
    ...(cause ? { cause: describe(cause) } : {}),
  }
}

function describe(cause: unknown): string {
  if (!(cause instanceof Error)) return 'something that is no error was thrown'
  const place = cause.stack?.split('\n').find((line) => line.trim().startsWith('at '))
  const under = cause.cause instanceof Error ? ` < ${describe(cause.cause)}` : ''
  return `${cause.name}: ${masked(cause.message)}${place ? ` (${place.trim()})` : ''}${under}`
}

/** What others say of a failure may quote whom it was about, or what with: a mail server the address, a driver its URL. */
function masked(message: string): string {
  return message
    .slice(0, MOST_WORDS)
    .replace(/[^\s@<>"'(]+@[^\s@<>"')]+/g, '<address>')
    .replace(/\b(ak_|eyJ)[\w.-]+/g, '<credential>')
}
