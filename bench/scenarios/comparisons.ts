import type { Comparison } from '../frame/scenario.ts'
import { callComparisons } from './calls.ts'
import { growth } from './growth.ts'
import { longComparisons } from './long-answers.ts'
import { renewalComparisons } from './renewals.ts'
import { signInComparisons } from './sign-ins.ts'

/** Every comparison of the bench: what is done, by whom, and what was wished. */
export const comparisons = (others?: readonly number[]): Comparison[] => [
  ...callComparisons,
  ...renewalComparisons,
  ...signInComparisons,
  ...longComparisons,
  ...growth(others),
]
