/** All that a program gets of the environment of its test: where programs are, and where Node keeps what it compiled. */
export function childEnv(): Record<string, string> {
  const { PATH = '', NODE_COMPILE_CACHE } = process.env
  return { PATH, ...(NODE_COMPILE_CACHE ? { NODE_COMPILE_CACHE } : {}) }
}
