'use strict'

const os = require('os')
const spawn = require('child_process').spawn

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP']
const PARENT_POLL_MS = 250
let running = null
let stopCode = 0

/**
 * Runs a program to its end; a signal that we get goes to it, and we outlive it.
 * Answers its `exitCode` (128 + number after a signal, as shells say it), and in `stopCode` the same
 * of the signal that told us to stop, or 0.
 */
module.exports = function runChild(command, args, options) {
  return new Promise((resolve, reject) => {
    running = spawn(command, args, options)
    running.on('error', (error) => {
      running = null
      reject(error)
    })
    running.on('exit', (code, signal) => {
      running = null
      resolve({ exitCode: signal ? codeOf(signal) : code, stopCode: stopCode })
    })
  })
}

for (const signal of signals) process.on(signal, () => stop(signal))
if (process.env.npm_lifecycle_event) stopWithParent(process.ppid)

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
