import Handlebars from 'handlebars'
import { pageHead, pageStyle } from './page-head.ts'

/** What stands on the page, as texts. */
export interface LinkText {
  readonly language: string
  readonly title: string
  readonly text: string
  /** Why the last try did not fit; nothing without one. */
  readonly problem: string
  /** Without one there is nothing left to do. */
  readonly button: string
  /** What the field for a new password is called; nothing where none is asked for. */
  readonly password: string
  /** What the button says to us, where a page has two. */
  readonly wish: string
}

/** The page behind a link of a mail: no script, everything escaped. */
export const linkPage: (text: LinkText) => string = Handlebars.compile(
  `${pageHead('{{language}}')}
<meta name="robots" content="noindex">
<title>{{title}} · Freddy</title>
<style>
${pageStyle}
body { padding: 4rem 1rem; font-size: 17px }
main { max-width: 26rem; margin: 0 auto }
h1 { margin: 0 0 .5rem; font-size: 1.6rem; line-height: 1.25; letter-spacing: -.01em }
p { margin: 0 0 1.5rem; color: var(--quiet) }
label { display: block; margin: 0 0 .35rem; font-weight: 600 }
input { width: 100%; margin: 0 0 1.25rem; padding: .7rem .8rem; border: 1px solid var(--field); border-radius: 10px; background: transparent; color: inherit; font: inherit }
button { width: 100%; padding: .8rem 1rem; border: 0; border-radius: 10px; background: var(--mark); color: var(--on); font: inherit; font-weight: 600; cursor: pointer }
input:focus-visible, button:focus-visible { outline: 2px solid var(--mark); outline-offset: 3px }
.problem { color: var(--bad) }
</style>
</head>
<body>
<main>
<h1>{{title}}</h1>
<p>{{text}}</p>
{{#if problem}}<p class="problem" role="alert">{{problem}}</p>{{/if}}
{{#if button}}
<form method="post">
{{#if password}}
<label for="password">{{password}}</label>
<input id="password" name="new_password" type="password" autocomplete="new-password" maxlength="256" required autofocus>
{{/if}}
<button{{#if wish}} name="wish" value="{{wish}}"{{/if}}>{{button}}</button>
</form>
{{/if}}
</main>
</body>
</html>
`,
  { strict: true },
)
