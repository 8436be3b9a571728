import { readFileSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'

/** One change of one file, as the system was asked for it. */
interface Change {
  readonly file: string
  readonly kind: 'write' | 'cut'
  readonly offset: number
  readonly bytes: Buffer
  /** When the disk had it for certain; until then a power cut may take it. */
  syncedAt: number
}

/** What a disk was told, in order; it can be shown as it was at any moment. */
export interface Disk {
  readonly syncs: number
  /** Writes its files into a folder as a power cut at that moment leaves them at worst: all that was not synced is lost. */
  cutAt(moment: number, folder: string): void
}

const LINE = /^(\d+)\s+(\d+\.\d+) (\w+)\((.*)$/
const RESUMED = /^(\d+)\s+(\d+\.\d+) <\.\.\. (\w+) resumed>/

/** Reads what strace wrote down with `-f -ttt -T -y -xx`, of processes that wrote these files alone. */
export function readDisk(trace: string): Disk {
  const changes: Change[] = []
  /** Syncs under way, by thread: what they will have made sure of. */
  const underWay = new Map<string, Change[]>()
  let syncs = 0
  const settle = (covered: readonly Change[], at: number) => {
    syncs += 1
    for (const change of covered) change.syncedAt = Math.min(change.syncedAt, at)
  }
  for (const line of readFileSync(trace, 'latin1').split('\n')) {
    const [, resumed = '', at, name = ''] = RESUMED.exec(line) ?? []
    if (/^f(data)?sync$/.test(name)) settle(underWay.get(resumed) ?? [], Number(at) * 1000)
    const [, thread = '', begun, call = '', rest = ''] = LINE.exec(line) ?? []
    const change = changeOf(call, rest)
    if (change) changes.push(change)
    if (!/^f(data)?sync$/.test(call)) continue
    const file = fileOf(rest)
    const covered = changes.filter((each) => each.file === file && !Number.isFinite(each.syncedAt))
    if (rest.includes('<unfinished')) underWay.set(thread, covered)
    else settle(covered, (Number(begun) + Number(/<([\d.]+)>$/.exec(rest)?.[1])) * 1000)
  }
  return {
    syncs,
    cutAt(moment, folder) {
      const kept = changes.filter(({ syncedAt }) => syncedAt <= moment)
      for (const [file, own] of Map.groupBy(kept, ({ file }) => file)) {
        const bytes = own.reduce(apply, Buffer.alloc(0))
        writeFileSync(join(folder, file), bytes)
      }
    },
  }
}

function changeOf(call: string, rest: string): Change | null {
  const common = { file: fileOf(rest), syncedAt: Number.POSITIVE_INFINITY }
  if (call === 'pwrite64') {
    const [, text = '', offset] = /"((?:\\x[\da-f]{2})*)", \d+, (\d+)/.exec(rest) ?? []
    return { ...common, kind: 'write', offset: Number(offset), bytes: unhex(text) }
  }
  if (call === 'ftruncate') {
    const offset = Number(/, (\d+)/.exec(rest)?.[1])
    return { ...common, kind: 'cut', offset, bytes: Buffer.alloc(0) }
  }
  return null
}

const fileOf = (rest: string) => basename(unhex(/<([^>]+)>/.exec(rest)?.[1] ?? '').toString())
const unhex = (text: string) => Buffer.from(text.replaceAll('\\x', ''), 'hex')

function apply(before: Buffer, { kind, offset, bytes }: Change): Buffer {
  if (kind === 'cut') return before.subarray(0, offset)
  const length = Math.max(before.length, offset + bytes.length)
  const after = length > before.length ? Buffer.concat([before], length) : before
  bytes.copy(after, offset)
  return after
}
