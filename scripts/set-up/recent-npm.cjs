'use strict'

const path = require('path')
const fetchPackage = require('./fetch-package.cjs')

/** The oldest Node whose own npm reads our package-lock.json (lockfileVersion 3, npm 7). */
const OLDEST_NODE = 16

const recent = {
  name: 'npm',
  version: '11.21.2',
  integrity:
    'sha512-7HPApk+AflMUavSseL1Pm6CnYqMIHk53x+KmuhqmTDqPkjPMgxIpTPcTqsE91EKNw4gFBJV9fnXiSdGm1DXq9A==',
}

/** The program and first arguments of an npm that reads our lock file; undefined: the one at hand. */
module.exports = async function recentNpm(runtime, node) {
  if (Number(process.versions.node.split('.')[0]) >= OLDEST_NODE) return undefined
  const folder = await fetchPackage(path.join(runtime, 'npm'), recent)
  return [node, path.join(folder, 'bin', 'npm-cli.js')]
}
