import { installFromDebian } from './debian.ts'
import { run } from './run.ts'
import { Unprepared } from './unprepared.ts'

const names = ['chromium', 'chromium-browser', 'google-chrome']

/** The path of a Chromium; Debian's is installed where there is none. */
export async function prepareChromium(): Promise<string> {
  const there = await find()
  if (there) return there
  await installFromDebian(['chromium'])
  const installed = await find()
  if (!installed) throw new Unprepared('chromium was installed and is not on the PATH.')
  return installed
}

async function find(): Promise<string | null> {
  const ended = await run('sh', ['-c', names.map((name) => `command -v ${name}`).join(' || ')])
  return ended.exitCode === 0 ? ended.output.trim() : null
}
