import type { App } from '../context.ts'
import { tellReached } from '../responses/reached.ts'

const MOST_AT_ONCE = 200

/**
 * Gives events the order in which they are told, after they are to be seen (decision 030). A number drawn at the time of
 * writing would be seen late where its transaction ends late, and whoever had read past it would never come back.
 */
export async function placeEvents(app: App): Promise<void> {
  await tellReached(app)
  while ((await app.store.events.place(MOST_AT_ONCE, app.now())) === MOST_AT_ONCE);
}
