'use strict'

const os = require('os')
const spawn = require('child_process').spawn

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
const PARENT_POLL_MS = 250
let running = null
let stopCode = 0

/**
 * Runs a program to its end; it does not outlive us. Answers its `exitCode` (128 + number after a signal, as shells say
 * it), and in `stopCode` the same of the signal that told us to stop, or 0.
 */
module.exports = function runChild(command, args, options) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, options)
    const end = () => child.kill()
    running = child
    process.once('exit', end)
    const over = () => {
      running = null
      process.removeListener('exit', end)
    }
    child.on('error', (error) => {
      over()
      reject(error)
    })
    child.on('exit', (code, signal) => {
      over()
      resolve({ exitCode: signal ? codeOf(signal) : code, stopCode: stopCode })
    })
  })
}

/**
 * For a process that does nothing but run programs: a signal that it gets goes to the one that runs, which it outlives.
 * Others who load this file have their own idea of signals.
 */
module.exports.passSignals = function passSignals() {
  for (const signal of signals) process.on(signal, () => stop(signal))
  if (process.env.npm_lifecycle_event) stopWithParent(process.ppid)
}

/** Between two programs there is nobody to tell: we end, and 'exit' listeners clean up. */
function stop(signal) {
  stopCode = codeOf(signal)
  if (!running) process.exit(stopCode)
  running.kill(signal)
}

/**
 * npm hands a SIGTERM to the shell it started us from; most shells die of it and tell nobody.
 * Asking for the parent is all that is left: a server must not outlive the `npm start` it came from.
 */
function stopWithParent(parent) {
  const asking = setInterval(() => {
    if (process.ppid === parent) return
    clearInterval(asking)
    stop('SIGTERM')
  }, PARENT_POLL_MS)
  asking.unref()
}

function codeOf(signal) {
  return 128 + os.constants.signals[signal]
}
