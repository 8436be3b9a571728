'use strict'

const crypto = require('crypto')
const fs = require('fs')
const path = require('path')
const Problem = require('./problem.cjs')
const runChild = require('./run-child.cjs')

module.exports = { isThere: isThere, build: build }

/** True when the files in hub/dist were made from the sources that are there. */
function isThere(root) {
  return read(stamp(root)) === hashOf(root)
}

/** Makes them, in less than a second. */
async function build(root, node) {
  const script = path.join(root, 'hub', 'build.ts')
  const args = ['--disable-warning=ExperimentalWarning', script]
  const ended = await runChild(node, args, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] })
  if (ended.exitCode !== 0) throw new Problem('The Hub could not be built: see above.')
  fs.writeFileSync(stamp(root), hashOf(root))
}

function stamp(root) {
  return path.join(root, 'hub', 'dist', 'stamp')
}

function hashOf(root) {
  const hash = crypto.createHash('sha256')
  const files = [path.join(root, 'package-lock.json')].concat(filesIn(path.join(root, 'hub')))
  for (const file of files) hash.update(file.slice(root.length)).update(fs.readFileSync(file))
  return hash.digest('hex')
}

function filesIn(folder) {
  const names = fs.readdirSync(folder).sort()
  const paths = names.filter((name) => name !== 'dist').map((name) => path.join(folder, name))
  return [].concat.apply(
    [],
    paths.map((each) => (fs.statSync(each).isDirectory() ? filesIn(each) : [each])),
  )
}

function read(file) {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (_) {
    return ''
  }
}
