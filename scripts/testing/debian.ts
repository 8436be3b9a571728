import { mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { run } from './run.ts'
import { Unprepared } from './unprepared.ts'

/** Waits for another apt instead of giving up; three minutes are a slow mirror. */
const options = ['-y', '-o', 'DPkg::Lock::Timeout=180']

/**
 * Installs Debian packages, as root or where sudo asks for no password.
 * Elsewhere it stops with a sentence that says what to install.
 */
export async function installFromDebian(packages: readonly string[]): Promise<void> {
  const missing = `Not installed here: ${packages.join(', ')}.`
  const apt = await aptCommand()
  if (!apt) throw new Unprepared(`${missing} Install it (in Debian with apt-get), then try again.`)
  console.error(`${missing} Installing with apt-get (about a minute, once) …`)
  // Old package lists may still do, so only the installing decides.
  await runApt(apt, ['update'])
  const ended = await runApt(apt, ['install', '--no-install-recommends', ...packages])
  if (ended.exitCode === 0) return
  throw new Unprepared(
    `${tail(ended.output)}\napt-get failed: install ${packages.join(', ')} yourself.`,
  )
}

/** Unpacks a Debian package into a folder: nothing is installed, nothing is started, and nobody has to be root. */
export async function unpackFromDebian(name: string, folder: string): Promise<void> {
  const download = () => run('apt-get', ['download', name], {}, folder)
  mkdirSync(folder, { recursive: true })
  let ended = await download()
  const apt = ended.exitCode === 0 ? null : await aptCommand()
  if (apt) {
    await runApt(apt, ['update'])
    ended = await download()
  }
  const file = readdirSync(folder).find((each) => each.startsWith(`${name}_`))
  if (ended.exitCode === 0 && file)
    ended = await run('dpkg-deb', ['-x', join(folder, file), folder])
  if (ended.exitCode === 0) return
  throw new Unprepared(
    `${tail(ended.output)}\n${name} is not here and cannot be fetched: install it.`,
  )
}

async function aptCommand(): Promise<readonly string[] | null> {
  if ((await run('apt-get', ['--version'])).exitCode !== 0) return null
  if (process.getuid?.() === 0) return ['env']
  const sudo = await run('sudo', ['-n', 'true'])
  return sudo.exitCode === 0 ? ['sudo', '-n', 'env'] : null
}

function runApt([command = 'env', ...rest]: readonly string[], args: readonly string[]) {
  return run(command, [...rest, 'DEBIAN_FRONTEND=noninteractive', 'apt-get', ...options, ...args])
}

function tail(text: string): string {
  return text.trimEnd().split('\n').slice(-10).join('\n')
}
