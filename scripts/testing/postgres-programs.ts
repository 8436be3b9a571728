import { existsSync, readdirSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { installFromDebian } from './debian.ts'
import { Unprepared } from './unprepared.ts'

/** Debian keeps the server's programs off the PATH, one folder a version. */
const debianFolder = '/usr/lib/postgresql'

const programs = ['initdb', 'postgres', 'pg_ctl', 'pg_basebackup']

/** The folder with PostgreSQL's programs, installed first where it can be. */
export async function findPostgresPrograms(): Promise<string> {
  const found = findNow()
  if (found) return found
  await installFromDebian(['postgresql'])
  const installed = findNow()
  if (installed) return installed
  throw new Unprepared(`PostgreSQL was installed, but not to ${debianFolder} or the PATH.`)
}

function findNow(): string | undefined {
  const onPath = (process.env.PATH ?? '').split(delimiter)
  return [...onPath, ...debianVersions()].find(hasServer)
}

function debianVersions(): string[] {
  if (!existsSync(debianFolder)) return []
  const newestFirst = readdirSync(debianFolder).sort((a, b) => Number(b) - Number(a))
  return newestFirst.map((version) => join(debianFolder, version, 'bin'))
}

function hasServer(folder: string): boolean {
  return programs.every((program) => existsSync(join(folder, program)))
}
