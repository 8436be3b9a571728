import type { Flow } from './flows.ts'
import type { Subject } from './subject.ts'

/** One who does the work: a server, and what is asked of it. */
export interface Side {
  readonly name: string
  /** Needs packages that only the bench installs. */
  readonly isPeer?: true
  readonly isOnPostgres?: true
  open(setting: Setting): Promise<Opened>
}

export interface Opened {
  readonly subject: Subject
  readonly flow: Flow
  /** Servers that stand behind it. */
  readonly behind?: readonly Subject[]
}

/** What a run brings; the database server is started when somebody wants it. */
export interface Setting {
  /** A fresh database of PostgreSQL. */
  postgres(): Promise<string>
  /** How much of everything is made: 1, or less where only the working of it is tried. */
  readonly share: number
}

/** Those who ask at once; one by themselves where only the working of it is tried. */
export function crowdOf(connections: number, { share }: Setting): number {
  return Math.min(connections, Math.ceil(100 * share))
}

/** The same work done by several sides in turn; each is compared with the first. */
export interface Comparison {
  readonly name: string
  readonly title: string
  /** What a side is held against, and by how much it is to be met; from the first side. */
  readonly goal?: string
  readonly connections: number
  /** In words what one piece of the work is. */
  readonly unit: string
  readonly sides: readonly Side[]
}

/** How calls at a steady rate fare while somebody else is in the way. */
export interface Disturbance {
  readonly name: string
  readonly title: string
  readonly goal?: string
  /** Calls a second; fewer where a side or a machine is slower. */
  readonly rate: number
  readonly disturbers: number
  /** Bytes that it is wished to hold more at most meanwhile. */
  readonly mayHoldMore?: number
  readonly sides: readonly DisturbedSubject[]
}

export interface DisturbedSubject {
  readonly name: string
  readonly isPeer?: true
  readonly isOnPostgres?: true
  open(setting: Setting): Promise<Opened & { readonly inTheWay: Flow }>
}

/** How soon something answers after its start, and what it holds when nobody asks. */
export interface Start {
  readonly name: string
  readonly isPeer?: true
  /** The file that is run. */
  readonly script: () => URL | Promise<URL>
  /** Where a plain GET is answered. */
  readonly path: string
  env(port: number, folder: string): Readonly<Record<string, string>>
}
