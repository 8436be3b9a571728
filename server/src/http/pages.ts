import type { App } from '../context.ts'
import type { Inbox } from '../mail/inbox.ts'
import { docsPages } from './docs-pages.ts'
import { health } from './health.ts'
import { hubDoor } from './hub/hub-door.ts'
import { inboxDoor } from './inbox-door.ts'
import { linkDoor } from './link-door.ts'
import type { Http } from './server.ts'

/** Everything that is no part of the API: health, documentation, the Hub, the inbox of a server without SMTP. */
export function pages(app: App, http: Http, inbox: Inbox | null): void {
  health(app, http)
  docsPages(app, http)
  linkDoor(app, http)
  hubDoor(app, http)
  if (inbox) inboxDoor(app, http, inbox)
}
