'use strict'

/** Without a word it is the server. */
if (process.argv.length === 2) process.argv.push('serve')
import('../server/dist/cli.js')
