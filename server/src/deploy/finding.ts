import type { Finding } from '../doctor.ts'

export type Answer = Omit<Finding, 'check'>

export const good = (told: string): Answer => ({ state: 'good', told, next: null })
export const note = (told: string, next: string): Answer => ({ state: 'note', told, next })
export const bad = (told: string, next: string): Answer => ({ state: 'bad', told, next })
