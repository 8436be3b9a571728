/**
 * Node's web server. Taken out of the module by name: an `import` of `node:http` reads all that it exports, WebSocket among
 * it, and that loads a client of 14 MB into every process.
 */
export const { createServer } = process.getBuiltinModule('node:http')
