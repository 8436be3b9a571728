'use strict'

/** Something the person at the keyboard can act on: one sentence, no stack. */
module.exports = class Problem extends Error {
  constructor(sentence, exitCode) {
    super(sentence)
    this.sentence = sentence
    this.exitCode = exitCode || 1
  }
}
