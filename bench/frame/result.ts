import type { Pace, SideResult } from './compare.ts'
import type { DisturbedSide } from './disturb.ts'
import type { EndedSide } from './end.ts'
import type { Machine } from './machine.ts'
import type { StartedSide } from './start.ts'
import type { TripSide } from './trips.ts'

interface About {
  readonly name: string
  readonly title: string
  readonly goal?: string
  readonly machine: Machine
  readonly pace: Pace
}

/** What a run found, as it is kept. */
export type Result =
  | (About & { readonly kind: 'comparison'; readonly unit: string; readonly sides: SideResult[] })
  | (About & {
      readonly kind: 'disturbance'
      readonly mayHoldMore?: number
      readonly sides: DisturbedSide[]
    })
  | (About & { readonly kind: 'start'; readonly sides: StartedSide[] })
  | (About & { readonly kind: 'trips'; readonly sides: TripSide[] })
  | (About & { readonly kind: 'sign-out'; readonly sides: EndedSide[] })

export type ResultOf<Kind extends Result['kind']> = Result & { readonly kind: Kind }
