'use strict'

const fs = require('fs')
const path = require('path')
const npm = require('./npm.cjs')

/**
 * Installs one npm package, `{ name, version, integrity }`, into a folder of its own.
 * npm compares it with the hash; the lock file is one that npm 6 and npm 11 both read.
 */
module.exports = async function fetchPackage(folder, wanted) {
  const project = { name: 'part-of-freddy-auth', version: '1.0.0', private: true }
  const needed = { [wanted.name]: wanted.version }
  const locked = { version: wanted.version, integrity: wanted.integrity }
  fs.mkdirSync(folder, { recursive: true })
  writeJson(path.join(folder, 'package.json'), Object.assign({ dependencies: needed }, project))
  writeJson(path.join(folder, 'package-lock.json'), {
    name: project.name,
    version: project.version,
    lockfileVersion: 2,
    requires: true,
    packages: { '': { dependencies: needed }, ['node_modules/' + wanted.name]: locked },
    dependencies: { [wanted.name]: locked },
  })
  await npm(folder, ['ci', '--ignore-scripts'], folder + '.log')
  return path.join(folder, 'node_modules', wanted.name)
}

function writeJson(file, value) {
  fs.writeFileSync(file, JSON.stringify(value, null, 2) + '\n')
}
