import { monitorEventLoopDelay } from 'node:perf_hooks'
import { type Aggregator, Counter, Gauge, Histogram, Registry } from '@prometheus-io/client'
import type { Siblings } from '../processes/siblings.ts'

const LOOK_EVERY_MS = 20

/** What is measured, by name. Labels take few values each, and never one that names a person, an address or a key. */
export interface Metrics {
  readonly count: ReturnType<typeof counters>
  readonly time: ReturnType<typeof histograms>
  readonly now: ReturnType<typeof gauges>
  /** The event loop, from its start until it is stopped. */
  readonly loop: ReturnType<typeof monitorEventLoopDelay>
  /** Called before each reading, to bring the gauges up to date. */
  onRead(refresh: () => Promise<void>): void
  /** Everything in the text format of Prometheus. */
  read(): Promise<string>
  readonly contentType: string
  close(): void
}

/** Of several processes each tells what all of them measured. */
export function createMetrics(siblings: Siblings | null = null): Metrics {
  const registry = new Registry()
  const registers = [registry]
  const loop = monitorEventLoopDelay({ resolution: LOOK_EVERY_MS })
  loop.enable()
  let refresh = async () => {}
  siblings?.hear('metrics', async () => {
    await refresh()
    return registry.getMetricsAsJSON()
  })
  return {
    count: counters(registers),
    time: histograms(registers),
    now: gauges(registers),
    loop,
    onRead: (work) => {
      refresh = work
    },
    async read() {
      if (siblings) return String(await siblings.ask('metrics', null))
      await refresh()
      return registry.metrics()
    },
    contentType: registry.contentType,
    close: () => {
      loop.disable()
    },
  }
}

/** From half a millisecond to a minute: a hit in memory, a hash, a long answer of a model. */
const buckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 60]

function counters(registers: Registry[]) {
  const counter = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Counter({ name, help, labelNames, registers })
  return {
    requests: counter(
      'freddy_http_requests_total',
      'Requests that were answered, by route and status.',
      'method',
      'route',
      'status',
    ),
    decisions: counter(
      'freddy_decisions_total',
      'Events of the audit trail, once each over all servers, as they are sealed.',
      'event',
      'outcome',
      'reason',
    ),
    limited: counter(
      'freddy_limited_total',
      'Calls that a traffic limit turned away, by limit.',
      'limit',
    ),
    noHash: counter('freddy_hash_refused_total', 'Hashes for which no thread became free in time.'),
    deliveries: counter(
      'freddy_mail_deliveries_total',
      'Tries to deliver a letter: sent, delayed, or ended unsent.',
      'outcome',
    ),
    hooks: counter(
      'freddy_webhook_deliveries_total',
      'Tries to send an event to an endpoint: delivered, failed, or given up.',
      'outcome',
    ),
    failures: counter(
      'freddy_database_failures_total',
      'Statements that the database did not answer.',
      'kind',
    ),
    asks: counter(
      'freddy_upstream_requests_total',
      'Calls to model servers, by how they began: a status, or an error.',
      'upstream',
      'outcome',
    ),
    cpu: counter('process_cpu_seconds_total', 'Time of processors that was used.'),
    lines: counter(
      'freddy_log_lines_total',
      'Warnings and errors in the log, written or not.',
      'level',
      'event',
    ),
  }
}

function histograms(registers: Registry[]) {
  const histogram = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Histogram({ name, help, labelNames, buckets, registers })
  return {
    requests: histogram(
      'freddy_http_request_seconds',
      'From the headers of a request to the end of its answer.',
      'route',
    ),
    statements: histogram(
      'freddy_database_seconds',
      'How long the database took: a read, a write, several statements at once.',
      'kind',
    ),
    hashes: histogram(
      'freddy_hash_seconds',
      'A password hash, the wait for a thread included.',
      'kind',
    ),
    asks: histogram('freddy_upstream_seconds', 'Until a model server began to answer.', 'upstream'),
    revocations: histogram(
      'freddy_revocation_seconds',
      'From a change of what somebody may do, wherever it was made, until this server heard of it.',
    ),
  }
}

/** What several processes of one server do not add up to: what each of them tells of the same thing, and moments. */
const together: Readonly<Record<string, Aggregator>> = {
  freddy_build_info: 'first',
  freddy_database_up: 'min',
  freddy_database_log_bytes: 'max',
  freddy_mails_waiting: 'max',
  freddy_mail_oldest_waiting_seconds: 'max',
  freddy_wrong_codes_last_hour: 'max',
  freddy_surge: 'max',
  freddy_backup_timestamp_seconds: 'max',
  freddy_event_loop_delay_seconds: 'max',
  process_start_time_seconds: 'min',
}

function gauges(registers: Registry[]) {
  const gauge = <Label extends string>(name: string, help: string, ...labelNames: Label[]) =>
    new Gauge({ name, help, labelNames, registers, aggregator: together[name] ?? 'sum' })
  return {
    build: gauge('freddy_build_info', 'Always 1.', 'version', 'node', 'database'),
    databaseUp: gauge('freddy_database_up', '1 when the database answered this reading.'),
    databaseLog: gauge(
      'freddy_database_log_bytes',
      "SQLite's log of what is not in the database file yet; 0 on PostgreSQL.",
    ),
    hashing: gauge('freddy_hashes', 'Hashes that wait for a thread, or have one.', 'state'),
    hashThreads: gauge('freddy_hash_threads', 'Threads that hash.'),
    mails: gauge(
      'freddy_mails_waiting',
      'Letters in the outbox: never tried, or delayed.',
      'state',
    ),
    oldestMail: gauge(
      'freddy_mail_oldest_waiting_seconds',
      'The age of the letter that waits longest.',
    ),
    hooks: gauge(
      'freddy_webhooks_waiting',
      'Events that wait for an endpoint: never tried, or failed so far.',
      'state',
    ),
    oldestHook: gauge(
      'freddy_webhook_oldest_waiting_seconds',
      'The age of the event that waits longest for an endpoint.',
    ),
    wrongCodes: gauge(
      'freddy_wrong_codes_last_hour',
      'Codes refused in the last hour, over all accounts and servers.',
    ),
    surge: gauge('freddy_surge', '1 while new codes have six digits because many are tried.'),
    backup: gauge(
      'freddy_backup_timestamp_seconds',
      'When the last backup was made; 0 when there is none.',
    ),
    feed: gauge(
      'freddy_feed_up',
      '1 while this server hears of changes; else it asks the database for each call.',
    ),
    failing: gauge(
      'freddy_upstream_failing',
      '1 while a model server is left alone, since it failed so often.',
      'upstream',
    ),
    alone: gauge(
      'freddy_limiter_alone',
      '1 while this server counts traffic by itself and was to count it with others.',
    ),
    open: gauge('freddy_upstream_open', 'Calls to model servers under way.'),
    loop: gauge(
      'freddy_event_loop_delay_seconds',
      'How late the event loop was since the last reading.',
      'quantile',
    ),
    resident: gauge('process_resident_memory_bytes', 'Memory that the process holds.'),
    heap: gauge('nodejs_heap_size_used_bytes', 'Memory of JavaScript in use.'),
    started: gauge('process_start_time_seconds', 'When the process began.'),
  }
}
