/** In place of Fastify's own compilers, which each start would load; ours are set instead, and these are never asked. */
export const schemaController = {
  compilersFactory: { buildValidator: () => unasked, buildSerializer: () => unasked },
}

function unasked(): never {
  throw new Error('A schema was compiled before its compiler was set')
}
