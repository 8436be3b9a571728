/** Here already, or later. Most calls find all that they need in memory, and each promise on their way costs time. */
export type Soon<Value> = Value | Promise<Value>

/** What follows from a value: at once where it is here, else when it comes. */
export function whenHere<Value, Next>(
  value: Soon<Value>,
  next: (value: Value) => Soon<Next>,
): Soon<Next> {
  return value instanceof Promise ? value.then(next) : next(value)
}

/** The same for a failure, which `mend` answers for or throws again. */
export function whenFailed<Value>(
  work: () => Soon<Value>,
  mend: (cause: unknown) => Soon<Value>,
): Soon<Value> {
  try {
    const value = work()
    return value instanceof Promise ? value.catch(mend) : value
  } catch (cause) {
    return mend(cause)
  }
}
