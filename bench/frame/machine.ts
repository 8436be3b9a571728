import { existsSync, readFileSync } from 'node:fs'
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os'
import { join } from 'node:path'
import { root } from '../../scripts/testing/root.ts'

/** Where and with what it was measured. */
export interface Machine {
  readonly at: string
  readonly processor: string
  readonly cores: number
  readonly memoryGigabytes: number
  readonly system: string
  readonly node: string
  /** Work that others did on it before the run: as many as there are cores, and nothing is left. */
  readonly loadBefore: number
  /** BENCH_SLOW_DISK. */
  readonly isDiskSlow?: true
  readonly packages: Readonly<Record<string, string>>
}

export function describeMachine(): Machine {
  return {
    at: new Date().toISOString(),
    processor: cpus()[0]?.model ?? 'unknown',
    cores: availableParallelism(),
    memoryGigabytes: Math.round(totalmem() / 2 ** 30),
    system: `${type()} ${release()}`,
    node: process.version,
    loadBefore: loadavg()[0] ?? 0,
    ...(process.env.BENCH_SLOW_DISK ? { isDiskSlow: true } : {}),
    packages: {
      fastify: versionIn('node_modules/fastify'),
      '@node-rs/argon2': versionIn('node_modules/@node-rs/argon2'),
      'better-auth': versionIn('.cache/peers/node_modules/better-auth'),
      '@better-auth/api-key': versionIn('.cache/peers/node_modules/@better-auth/api-key'),
      'oidc-provider': versionIn('.cache/peers/node_modules/oidc-provider'),
    },
  }
}

function versionIn(folder: string): string {
  const path = join(root, folder, 'package.json')
  if (!existsSync(path)) return 'not there'
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
}
