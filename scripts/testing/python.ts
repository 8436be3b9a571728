import { join } from 'node:path'
import { installFromDebian } from './debian.ts'
import { root } from './root.ts'
import { run } from './run.ts'
import { Unprepared } from './unprepared.ts'

const folder = join(root, '.cache', 'python')
const wanted = ['requests==2.32.*', 'openai==3.57.0', 'schemathesis==4.32.5']

/** Makes sure that `python3` finds the wanted packages; answers the PYTHONPATH for it. */
export async function preparePython(): Promise<string> {
  if (await isThere()) return folder
  if (!(await hasPip())) await installFromDebian(['python3', 'python3-pip'])
  const ended = await run(
    'python3',
    ['-m', 'pip', 'install', '--upgrade', '--target', folder, ...wanted],
    {
      PIP_DISABLE_PIP_VERSION_CHECK: '1',
      PIP_ROOT_USER_ACTION: 'ignore',
    },
  )
  if (ended.exitCode === 0 && (await isThere())) return folder
  throw new Unprepared(
    `${ended.output.trimEnd()}\npip could not install ${wanted.join(' and ')}: is there a network?`,
  )
}

async function isThere(): Promise<boolean> {
  const question = `import sys
from importlib.metadata import version
sys.exit(not (version('requests').startswith('2.32.') and version('openai') == '3.57.0'
  and version('schemathesis') == '4.32.5'))`
  return (await run('python3', ['-c', question], { PYTHONPATH: folder })).exitCode === 0
}

async function hasPip(): Promise<boolean> {
  return (await run('python3', ['-m', 'pip', '--version'])).exitCode === 0
}
