import { Registry } from '@prometheus-io/client'

/** What one process has measured, as it goes over to another. */
export type Told = Awaited<ReturnType<Registry['getMetricsAsJSON']>>

/** The numbers of all processes of one server as one. */
export interface Together {
  /** Everything in the text format of Prometheus. */
  read(tellings: readonly Told[]): Promise<string>
  /** A process ended: what it had counted stays in the sums, or a counter would seem to have begun anew. */
  keep(telling: Told): Promise<void>
}

export function createTogether(): Together {
  let ended: Told = []
  return {
    read: (tellings) => Registry.aggregate([ended, ...tellings]).metrics(),
    async keep(telling) {
      const counted = telling.filter(({ type }) => type === 'counter' || type === 'histogram')
      ended = await Registry.aggregate([ended, counted]).getMetricsAsJSON()
    },
  }
}
