/** How many sockets of a source are open. */
export type SocketsOf = Map<string, number>

/** Notes sockets that opened, or with a number below zero closed; answers how many are open now, by the first of the counts. */
export function countSocket(counts: readonly SocketsOf[], words: unknown): number {
  const [source, more] = words as [string, number]
  for (const count of counts) {
    const open = (count.get(source) ?? 0) + more
    if (open > 0) count.set(source, open)
    else count.delete(source)
  }
  return counts[0]?.get(source) ?? 0
}
