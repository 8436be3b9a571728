import { type Child, startChild } from './child.ts'
import { slowDisk } from './slow-disk.ts'

/** What a process took so far: microseconds of CPU in user and kernel mode, and bytes that it holds. */
export interface Spent {
  readonly cpuMicros: number
  readonly residentBytes: number
}

/** A server that is measured: in a process of its own, on a free port of 127.0.0.1. */
export interface Subject<Told = unknown> {
  readonly port: number
  readonly pid: number
  /** What it made for those who ask: tokens, keys, people. */
  readonly told: Told
  spent(): Promise<Spent>
  end(): Promise<void>
}

/** Starts one of subjects/ with these wishes. */
export async function startSubject<Told>(
  name: string,
  wishes: object = {},
): Promise<Subject<Told>> {
  const file = new URL(`../subjects/${name}.ts`, import.meta.url)
  const { child, first } = startChild(file, [JSON.stringify(wishes)], slowDisk())
  const { port, told } = (await first) as { port: number; told: Told }
  return {
    port,
    pid: child.pid,
    told,
    spent: () => child.ask<Spent>({ spent: true }),
    end: () => child.end(),
  }
}

export type { Child }
