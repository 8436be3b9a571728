import type { App } from '../context.ts'
import type { Inbox } from '../mail/inbox.ts'
import type { Metrics } from '../metrics/metrics.ts'
import { deployDoor } from './deploy-door.ts'
import { docsDoor } from './docs/docs-door.ts'
import { health } from './health.ts'
import { hubDoor } from './hub/hub-door.ts'
import { inboxDoor } from './inbox-door.ts'
import { linkDoor } from './link-door.ts'
import { metricsDoor } from './metrics-door.ts'
import type { Http } from './server.ts'
import { stopDoor } from './stop-door.ts'

/** What only some servers have. */
export interface Extras {
  readonly inbox: Inbox | null
  readonly metrics: Metrics | null
}

/** Everything that is no part of the API: health, documentation, the Hub, metrics, the inbox of a server without SMTP. */
export function pages(app: App, http: Http, { inbox, metrics }: Extras): void {
  health(app, http)
  deployDoor(app, http)
  docsDoor(app, http)
  linkDoor(app, http)
  stopDoor(app, http)
  hubDoor(app, http)
  if (metrics) metricsDoor(app, http, metrics)
  if (inbox) inboxDoor(app, http, inbox)
}
