/** One defence taken away, and the tests that must notice. */
export interface Mutant {
  /** The defence, as a sentence. */
  readonly name: string
  /** Below server/src. */
  readonly file: string
  /** Stands in the file exactly once: short, and not likely to be written differently tomorrow. */
  readonly find: string
  readonly replace: string
  /** Below server/test. */
  readonly tests: string
  /** Words in the names of the tests to run: few, for each mutant runs them all. */
  readonly named: string
}
