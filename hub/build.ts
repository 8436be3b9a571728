import { readdirSync, rmSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

/*
 * Makes hub/dist: one style sheet, the script of the sign-in pages, and the Hub in each language. Names hold hashes,
 * so that a browser may keep them for ever.
 */
const here = fileURLToPath(new URL('.', import.meta.url))
const languages = readdirSync(new URL('words', import.meta.url))

rmSync(new URL('dist', import.meta.url), { recursive: true, force: true })
await build({
  absWorkingDir: here,
  entryPoints: [
    'style/hub.css',
    'src/sign-in.ts',
    'src/inbox.ts',
    ...languages.map((language) => `src/hub.${language}.tsx`),
  ],
  outdir: 'dist',
  entryNames: '[name]-[hash]',
  chunkNames: '[name]-[hash]',
  bundle: true,
  splitting: true,
  minify: true,
  format: 'esm',
  target: 'es2022',
  jsx: 'automatic',
  jsxImportSource: 'preact',
  logLevel: 'warning',
})
