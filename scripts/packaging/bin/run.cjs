'use strict'

/** Without a word it is the server, which reads nothing of the operator's shell. */
if (['', 'serve'].includes(process.argv.slice(2).join(' '))) {
  import('../server/dist/main.js').then(({ serve }) => serve())
} else {
  import('../server/dist/cli.js')
}
