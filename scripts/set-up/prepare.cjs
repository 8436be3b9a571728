'use strict'

const fs = require('fs')
const path = require('path')
const takeLock = require('./lock.cjs')
const Problem = require('./problem.cjs')
const node = require('./node.cjs')
const dependencies = require('./dependencies.cjs')
const hub = require('./hub.cjs')

const notYours = (folder) => 'Cannot write to ' + folder + ': make it yours, then try again.'
const full = (folder) => 'The disk of ' + folder + ' is full: free some space, then try again.'
const advice = { EACCES: notYours, EPERM: notYours, EROFS: notYours, ENOSPC: full, EDQUOT: full }

/**
 * Makes sure of a Node 24 or newer, of the dependencies that `needs` ('running', 'developing')
 * names and of the Hub's files; answers the path of that Node. Ready already: a few file reads, no lock, no npm.
 */
module.exports = async function prepare(root, needs) {
  const runtime = path.join(root, '.runtime')
  if (node.find(runtime) && dependencies.areThere(root, needs) && hub.isThere(root)) {
    return node.find(runtime)
  }

  try {
    fs.mkdirSync(runtime, { recursive: true })
    return await prepareAlone(root, needs, runtime)
  } catch (error) {
    throw advice[error.code] ? new Problem(advice[error.code](runtime)) : error
  }
}

async function prepareAlone(root, needs, runtime) {
  const release = await takeLock(runtime, sayOnce('Waiting for another set-up of this clone …'))
  try {
    if (!node.find(runtime)) await node.fetch(runtime)
    if (!dependencies.areThere(root, needs)) {
      await dependencies.install(root, needs, node.find(runtime))
    }
    if (!hub.isThere(root)) await hub.build(root, node.find(runtime))
    return node.find(runtime)
  } finally {
    release()
  }
}

function sayOnce(line) {
  let said = false
  return () => {
    if (!said) process.stderr.write(line + '\n')
    said = true
  }
}
