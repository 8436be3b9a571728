import Handlebars from 'handlebars'
import type { KeptMail } from '../mail/inbox.ts'
import { assetPath } from './hub/assets.ts'

const page = Handlebars.compile(
  `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{count}} in the inbox · Freddy</title>
<link rel="stylesheet" href="{{css}}">
<link rel="icon" href="data:,">
<script type="module" src="{{js}}"></script>
</head>
<body>
<main class="page inbox" data-newest="{{newest}}">
<div class="page-head">
<h1>Inbox</h1>
<p>Every mail of this server stays here, since SMTP_URL is not set. New ones show up by themselves.</p>
</div>
{{#each mails}}
<article class="card stack tight">
<p class="row apart small quiet-text"><span>To {{to}}</span><time datetime="{{iso}}">{{time}}</time></p>
<h2>{{subject}}</h2>
{{#if code}}<p class="row"><span class="big-code">{{code}}</span> <button type="button" class="button quiet small" data-copy="{{code}}" hidden>Copy</button></p>{{/if}}
<details><summary>Text</summary><pre>{{text}}</pre></details>
<details data-frame="/dev/inbox/mail/{{place}}" data-title="{{subject}}"><summary>As the mail program shows it</summary><p><a href="/dev/inbox/mail/{{place}}">Open it</a></p></details>
</article>
{{else}}
<div class="empty"><h2>No mail yet</h2><p>Register or sign in, and the code shows up here.</p></div>
{{/each}}
</main>
</body>
</html>
`,
  { strict: true },
)

/** How a mail is found again: the part of its Message-ID that is ours. */
export function placeOf({ messageId }: Pick<KeptMail, 'messageId'>): string {
  return messageId.replace(/^<|@.*$/g, '')
}

/** The page behind /dev/inbox: everything escaped, newest mail first; a script keeps it new. */
export function inboxPage(mails: readonly KeptMail[]): string {
  return page({
    count: mails.length,
    newest: mails[0]?.messageId ?? '',
    css: assetPath('hub', 'css'),
    js: assetPath('inbox', 'js'),
    mails: mails.map(({ to, subject, text, at, ...mail }) => ({
      to,
      subject,
      text,
      place: placeOf(mail),
      iso: new Date(at).toISOString(),
      time: `${new Date(at).toISOString().slice(11, 19)} UTC`,
      code: /^(\d{4,8}) is your/.exec(subject)?.[1] ?? null,
    })),
  })
}
