'use strict'

const crypto = require('crypto')
const fs = require('fs')
const os = require('os')
const path = require('path')

const POLL_MS = 100
const BEAT_MS = 1000
/** So many looks without a beat of the owner, and it is dead: about 20 s. */
const SILENT_POLLS = 200

/**
 * Takes the lock of `folder`, waiting for a living owner; answers the function that gives it back.
 *
 * The lock is a folder that holds one file named after its owner. It appears with that file in it,
 * by a rename, and is broken by unlinking exactly that file: so nobody ever breaks the lock of
 * somebody else than the dead owner they looked at, however many break it at once.
 */
module.exports = async function takeLock(folder, onWait) {
  const lock = path.join(folder, 'lock')
  const owner = [process.pid, hostKey(), crypto.randomBytes(6).toString('hex')].join('-')
  const candidate = path.join(folder, 'lock-' + owner)
  fs.mkdirSync(candidate)
  fs.writeFileSync(path.join(candidate, owner), '')
  const release = () => {
    drop(candidate, owner)
    drop(lock, owner)
  }
  process.on('exit', release)

  const watch = { owner: '', beat: 0, polls: 0 }
  while (!moved(candidate, lock)) {
    if (isDead(lock, watch)) {
      drop(lock, watch.owner)
      continue
    }
    onWait()
    await new Promise((resolve) => setTimeout(resolve, POLL_MS))
  }
  const beating = setInterval(() => beat(path.join(lock, owner)), BEAT_MS)
  return () => {
    clearInterval(beating)
    process.removeListener('exit', release)
    release()
  }
}

/** The same process number on another machine, or in another container, is somebody else. */
function hostKey() {
  return crypto.createHash('sha256').update(os.hostname()).digest('hex').slice(0, 8)
}

function moved(candidate, lock) {
  try {
    fs.renameSync(candidate, lock)
    return true
  } catch (error) {
    if (!fs.existsSync(lock) && error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error
    return false
  }
}

/** Fills in whom it looked at. An empty lock, half given back, counts as dead. */
function isDead(lock, watch) {
  const owner = list(lock)[0] || ''
  const beat = owner ? lastBeat(path.join(lock, owner)) : 0
  if (owner !== watch.owner || beat !== watch.beat) {
    Object.assign(watch, { owner: owner, beat: beat, polls: 0 })
  }
  watch.polls += 1
  if (!owner || watch.polls > SILENT_POLLS) return true
  const parts = owner.split('-')
  return parts[1] === hostKey() && !isAlive(Number(parts[0]))
}

function isAlive(pid) {
  if (pid === process.pid) return false
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

function list(folder) {
  try {
    return fs.readdirSync(folder)
  } catch (_) {
    return []
  }
}

function lastBeat(file) {
  try {
    return fs.statSync(file).mtimeMs
  } catch (_) {
    return 0
  }
}

function beat(file) {
  const now = new Date()
  fs.utimes(file, now, now, () => {})
}

/** Unlinks one owner's file and the folder if that left it empty; silent when others were faster. */
function drop(folder, owner) {
  try {
    if (owner) fs.unlinkSync(path.join(folder, owner))
  } catch (_) {}
  try {
    fs.rmdirSync(folder)
  } catch (_) {}
}
