#!/usr/bin/env node
'use strict'

/*
 * `npx freddy-auth`. It has to run on whatever Node is there, if only to say that it is too old: hence no word in this
 * file that an old one cannot read.
 */
var OLDEST = 24
var version = process.versions.node

if (Number(version.split('.')[0]) < OLDEST) {
  process.stderr.write(
    'Freddy Auth needs Node ' +
      OLDEST +
      ' or newer, and this is ' +
      version +
      ': install it, then try again.\n',
  )
  process.exit(1)
}
require('./run.cjs')
