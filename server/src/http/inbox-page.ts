import Handlebars from 'handlebars'
import type { KeptMail } from '../mail/inbox.ts'
import { pageHead, pageStyle } from './page-head.ts'

const page = Handlebars.compile(
  `${pageHead}
<meta http-equiv="refresh" content="5">
<title>{{count}} in the inbox · Freddy</title>
<style>
${pageStyle}
body { padding: 2.5rem 1rem 4rem }
main { max-width: 40rem; margin: 0 auto }
h1 { margin: 0 0 .25rem; font-size: 1.5rem; letter-spacing: -.01em }
.lead { margin: 0 0 2rem; color: var(--quiet) }
article { margin: 0 0 1rem; padding: 1.25rem 1.5rem; background: var(--card); border: 1px solid var(--line); border-radius: 14px }
.about { display: flex; flex-wrap: wrap; gap: .25rem 1rem; justify-content: space-between; margin: 0; color: var(--quiet); font-size: .875rem }
h2 { margin: .25rem 0 0; font-size: 1.05rem; overflow-wrap: anywhere }
.code { display: inline-block; margin: .5rem 0 0; color: var(--mark); font: 650 2.5rem/1.2 ui-monospace, SFMono-Regular, Menlo, monospace; letter-spacing: .1em; user-select: all }
pre { margin: 1rem 0 0; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--quiet); font: inherit; font-size: .9375rem; white-space: pre-wrap; overflow-wrap: anywhere }
details { margin-top: .75rem } summary { cursor: pointer; color: var(--quiet); font-size: .875rem }
summary:focus-visible { outline: 2px solid var(--mark); outline-offset: 3px; border-radius: 4px }
.empty { padding: 3rem 1.5rem; text-align: center; color: var(--quiet) }
</style>
</head>
<body>
<main>
<h1>Inbox</h1>
<p class="lead">Every mail of this server stays here, since SMTP_URL is not set. The page renews itself.</p>
{{#each mails}}
<article>
<p class="about"><span>To {{to}}</span><time>{{time}}</time></p>
<h2>{{subject}}</h2>
{{#if code}}<p class="code">{{code}}</p>{{/if}}
<details><summary>The whole mail</summary><pre>{{text}}</pre></details>
</article>
{{else}}
<article class="empty">No mail yet. Register or sign in, and the code shows up here.</article>
{{/each}}
</main>
</body>
</html>
`,
  { strict: true },
)

/** The page behind /dev/inbox: no script, everything escaped, newest mail first. */
export function inboxPage(mails: readonly KeptMail[]): string {
  return page({
    count: mails.length,
    mails: mails.map(({ to, subject, text, at }) => ({
      to,
      subject,
      text,
      time: new Date(at).toISOString().slice(11, 19),
      code: /^(\d{4,8}) is your/.exec(subject)?.[1] ?? null,
    })),
  })
}
