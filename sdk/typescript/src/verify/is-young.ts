/** Whether something is no older than that. What is from a time to come is not: somebody has set the clock back. */
export const isYoung = (ageMs: number, mostMs: number): boolean => ageMs >= 0 && ageMs < mostMs
