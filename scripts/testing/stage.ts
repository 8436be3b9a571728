/** Does one step and says how long it took. */
export async function stage<T>(name: string, work: () => Promise<T>): Promise<T> {
  const start = performance.now()
  try {
    const result = await work()
    report(name, 'ready', start)
    return result
  } catch (error) {
    report(name, 'FAILED', start)
    throw error
  }
}

function report(name: string, verdict: string, start: number): void {
  const seconds = ((performance.now() - start) / 1000).toFixed(1)
  console.error(`${name.padEnd(14)}${verdict.padEnd(8)}${seconds.padStart(6)} s`)
}
