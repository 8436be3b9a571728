import { cpSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { root } from '../../scripts/testing/root.ts'
import { run } from '../../scripts/testing/run.ts'
import { Unprepared } from '../../scripts/testing/unprepared.ts'

/** Packages that are measured beside us and that nothing else needs: installed by the bench, ignored by git. */
const folder = join(root, '.cache', 'peers')
const wanted = join(root, 'bench', 'peers')
const files = ['package.json', 'package-lock.json'] as const

export async function installPeers(): Promise<void> {
  if (files.every(isCurrent) && existsSync(join(folder, 'node_modules'))) return
  mkdirSync(folder, { recursive: true })
  cpSync(join(root, '.npmrc'), join(folder, '.npmrc'))
  for (const file of files) cpSync(join(wanted, file), join(folder, file))
  const ended = await run('npm', ['ci', '--ignore-scripts'], {}, folder)
  if (ended.exitCode === 0) return
  throw new Unprepared(
    `${ended.output.trimEnd()}\nThe peers could not be installed: is there a network?`,
  )
}

function isCurrent(file: (typeof files)[number]): boolean {
  const there = join(folder, file)
  return existsSync(there) && readFileSync(there).equals(readFileSync(join(wanted, file)))
}

/** A module of a peer; its types stay outside, so that nobody has to install it to check ours. */
export async function importPeer<Module>(name: string): Promise<Module> {
  const path = createRequire(join(folder, 'package.json')).resolve(name)
  return (await import(pathToFileURL(path).href)) as Module
}

export function versionOf(name: string): string {
  const path = join(folder, 'node_modules', name, 'package.json')
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version
}
