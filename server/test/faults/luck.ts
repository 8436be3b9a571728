import { createHash } from 'node:crypto'

/** Choices that are the same for the same seed: what failed once can be played again. */
export interface Luck {
  /** A whole number from 0 up to, and without, this one. */
  below(end: number): number
  oneIn(count: number): boolean
  pick<T>(list: readonly [T, ...T[]]): T
}

export function luckOf(...seed: readonly (string | number)[]): Luck {
  let turn = 0
  const below = (end: number) => {
    const bytes = createHash('sha256')
      .update([...seed, turn++].join(' '))
      .digest()
    return Math.floor((bytes.readUInt32BE() / 2 ** 32) * end)
  }
  return {
    below,
    oneIn: (count) => below(count) === 0,
    pick: (list) => list[below(list.length)] ?? list[0],
  }
}
