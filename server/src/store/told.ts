import type { Statement } from './database.ts'
import { keepLink, type NewLink } from './links.ts'
import { type NewLetter, queueLetter } from './outbox.ts'
import type { Guard } from './sql.ts'

/** Letters to an owner and the links in them, kept together. */
export interface Told {
  readonly letters: readonly NewLetter[]
  readonly links: readonly NewLink[]
}

/** The statements that tell an owner inside the transaction of what they are told. */
export function tell({ letters, links }: Told, guard: Guard): Statement[] {
  return [
    ...links.map((link) => keepLink(link, guard)),
    ...letters.map((letter) => queueLetter(letter, guard)),
  ]
}
