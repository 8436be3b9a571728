import Handlebars from 'handlebars'
import type { App } from '../../context.ts'
import { takeForms } from '../form.ts'
import type { Http } from '../server.ts'
import { assetPath, serveAssets } from './assets.ts'
import { codeDoor } from './code-door.ts'
import { deviceDoor } from './device-door.ts'
import { readSignedIn } from './door.ts'
import { sendPage } from './page.ts'
import { registerDoor } from './register-door.ts'
import { signInDoor } from './sign-in-door.ts'
import { languageOf } from './words.ts'

/** What the founding page links to, and the front door. */
const shortcuts = { '/': '/hub', '/freddy/api': '/hub/keys' } as const

const shell = Handlebars.compile(
  `<!doctype html>
<html lang="{{language}}" data-role="{{role}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Freddy</title>
<link rel="stylesheet" href="{{css}}">
<link rel="icon" href="data:,">
<script type="module" src="{{js}}"></script>
</head>
<body>
<div id="hub"></div>
<noscript><main class="door-card"><h1>Freddy</h1><p>This page needs JavaScript. You can <a href="/docs/api-keys">make keys with curl</a> without it.</p><form method="post" action="/sign-out"><button class="button">Sign out</button></form></main></noscript>
</body>
</html>
`,
  { strict: true },
)

/** The Hub: pages to sign in, which work without a script, and behind them the page where people get their keys. */
export function hubDoor(app: App, http: Http): void {
  void http.register(async (scope) => {
    takeForms(scope)
    signInDoor(app, scope)
    codeDoor(app, scope)
    registerDoor(app, scope)
    deviceDoor(app, scope)
  })
  serveAssets(http)
  for (const [from, to] of Object.entries(shortcuts)) {
    http.get(from, async (_request, reply) => reply.redirect(to, 303))
  }
  for (const path of ['/hub', '/hub/*']) {
    http.get(path, async (request, reply) => {
      const principal = await readSignedIn(app, request)
      if (!principal) {
        const { pathname, search } = new URL(request.url, 'http://localhost')
        const next = encodeURIComponent(`${pathname}${search}`)
        return reply.redirect(pathname === '/hub' ? '/sign-in' : `/sign-in?next=${next}`, 303)
      }
      const language = languageOf(app.config, request.headers)
      const files = { css: assetPath('hub', 'css'), js: assetPath(`hub.${language}`, 'js') }
      const { role } = (await app.store.users.find(principal.userId)) ?? { role: 'user' }
      return sendPage(reply, 200, shell({ language, role, ...files }))
    })
  }
}
