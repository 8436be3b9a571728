import { LRUCache } from 'lru-cache'

/** So many at most, the latest used of them. Room comes as it fills: by `max` all of it would be taken at the start. */
export function latelyUsed<Value extends object | string | number | boolean>(
  most: number,
  dispose?: (value: Value, name: string) => void,
): LRUCache<string, Value> {
  return new LRUCache({
    maxSize: most,
    sizeCalculation: () => 1,
    ...(dispose ? { dispose } : {}),
  })
}
