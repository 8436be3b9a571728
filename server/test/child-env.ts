/** All that a program gets of the environment of its test: where programs and temporary files are, and what Node compiled. */
export function childEnv(): Record<string, string> {
  const { PATH = '', NODE_COMPILE_CACHE, TMPDIR } = process.env
  return {
    PATH,
    ...(NODE_COMPILE_CACHE ? { NODE_COMPILE_CACHE } : {}),
    ...(TMPDIR ? { TMPDIR } : {}),
  }
}
