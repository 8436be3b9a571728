/** Whether a value is what a case expects: each field that it names, and every item of a list. */
export function fits(expected: unknown, found: unknown): boolean {
  if (typeof expected !== 'object' || expected === null) return Object.is(expected, found)
  if (typeof found !== 'object' || found === null) return false
  if (Array.isArray(expected)) {
    if (!Array.isArray(found) || found.length !== expected.length) return false
    return expected.every((each, place) => fits(each, found[place]))
  }
  const fields = found as Readonly<Record<string, unknown>>
  return Object.entries(expected).every(([name, value]) => fits(value, fields[name]))
}
