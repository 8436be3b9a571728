import { join } from 'node:path'
import { installFromDebian } from './debian.ts'
import { root } from './root.ts'
import { run } from './run.ts'
import { Unprepared } from './unprepared.ts'

const folder = join(root, '.cache', 'python')
const wanted = [
  ...['requests==2.32.*', 'openai==3.57.0', 'schemathesis==4.32.5'],
  // What the Python SDK stands on, and what checks and builds it.
  ...['httpx==0.28.1', 'httpx-sse==0.4.3', 'keyring==25.7.0', 'cryptography==50.0.2'],
  ...['mypy==1.19.1', 'ruff==0.17.6', 'hatchling==1.33.0', 'trio==0.35.0'],
]

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
from fnmatch import fnmatch
from importlib.metadata import version
sys.exit(not all(fnmatch(version(name), wanted)
  for name, wanted in (each.split('==') for each in sys.argv[1:])))`
  const ended = await run('python3', ['-c', question, ...wanted], { PYTHONPATH: folder })
  return ended.exitCode === 0
}

async function hasPip(): Promise<boolean> {
  return (await run('python3', ['-m', 'pip', '--version'])).exitCode === 0
}
