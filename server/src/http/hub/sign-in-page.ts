import Handlebars from 'handlebars'
import { assetPath } from './assets.ts'
import { languages, say, type Values, type Word } from './words.ts'

/** One field of a form. */
export interface Field {
  readonly name: string
  readonly label: Word
  readonly type: 'text' | 'email' | 'password' | 'hidden' | 'code'
  readonly autocomplete: string
  readonly value?: string
  readonly hint?: Word
  readonly optional?: true
  /** How many digits, for a code. */
  readonly digits?: number
  readonly focus?: true
}

export interface Link {
  readonly href: string
  readonly text: Word
  readonly before?: Word
}

/** A line of what is asked about: some text, or a moment in milliseconds. */
export type Fact = { readonly label: Word } & ({ readonly text: string } | { readonly at: number })

/** A page before somebody is signed in: one thing to do, and ways around it. */
export interface SignInPage {
  readonly language: string
  readonly title: Word
  readonly lead?: Word
  readonly values?: Values
  /** What went wrong, in a sentence that says what to do. */
  readonly problem?: string
  /** What is asked about, line by line. */
  readonly facts?: readonly Fact[]
  /** What went well. */
  readonly notice?: string
  readonly form?: {
    readonly action: string
    readonly fields: readonly Field[]
    readonly button: Word
    /** Where there are two answers: the name they have, what the button answers, and the other one. */
    readonly choice?: {
      readonly name: string
      readonly value: string
      readonly other: { readonly value: string; readonly text: Word }
    }
    /** What a passkey is asked for, as JSON; its button needs a script. */
    readonly passkey?: string
  }
  /** How the mail fares, and the button that asks for another one. */
  readonly mail?: {
    readonly state: string
    readonly waitSeconds: number
    readonly mayResend: boolean
  }
  readonly links: readonly Link[]
}

const template = Handlebars.compile(
  `<!doctype html>
<html lang="{{language}}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="robots" content="noindex">
<title>{{title}} · Freddy</title>
<link rel="stylesheet" href="{{css}}">
<link rel="icon" href="data:,">
<script type="module" src="{{js}}"></script>
</head>
<body class="door">
<main class="door-card">
<p class="brand"><a href="/hub">Freddy</a></p>
<h1>{{title}}</h1>
{{#if lead}}<p class="lead">{{lead}}</p>{{/if}}
{{#if notice}}<p class="notice" role="status">{{notice}}</p>{{/if}}
{{#if problem}}<p class="problem" role="alert" id="problem">{{problem}}</p>{{/if}}
{{#if facts}}<dl>
{{#each facts}}<dt>{{label}}</dt><dd>{{#if iso}}<time datetime="{{iso}}">{{text}}</time>{{else}}{{text}}{{/if}}</dd>
{{/each}}</dl>{{/if}}
{{#if form}}
{{#with form}}
<form method="post" action="{{action}}"{{#if passkey}} data-passkey="{{passkey}}" data-failed="{{passkeyFailed}}"{{/if}}>
{{#if passkey}}<input type="hidden" name="passkey"><button type="button" class="button quiet" data-use-passkey hidden>{{passkeyText}}</button>{{/if}}
{{#each fields}}
{{#if hidden}}<input type="hidden" name="{{name}}" value="{{value}}">{{else}}
<div class="field">
<label for="{{name}}">{{label}}{{#if optional}} <span class="aside">{{optionalText}}</span>{{/if}}</label>
<div class="field-box">
<input id="{{name}}" name="{{name}}" type="{{type}}" value="{{value}}" autocomplete="{{autocomplete}}"{{#if code}} class="code" inputmode="numeric" pattern="[0-9 \\-]*" maxlength="{{maxlength}}" data-digits="{{digits}}"{{/if}}{{#if required}} required{{/if}}{{#if focus}} autofocus{{/if}}{{#if described}} aria-describedby="{{described}}"{{/if}}{{#if invalid}} aria-invalid="true"{{/if}} autocapitalize="none" spellcheck="false">
{{#if secret}}<button type="button" class="show" data-show="{{name}}" data-hide-text="{{hideText}}" aria-controls="{{name}}" hidden>{{showText}}</button>{{/if}}
</div>
{{#if hint}}<p class="hint" id="{{name}}-hint">{{hint}}</p>{{/if}}
{{#if secret}}<p class="hint caps" data-caps hidden>{{capsText}}</p>{{/if}}
</div>
{{/if}}
{{/each}}
{{#if choice}}
<button class="button" name="{{choice.name}}" value="{{choice.value}}">{{button}}</button>
<button class="button quiet" name="{{choice.name}}" value="{{choice.other}}">{{choice.otherText}}</button>
{{else}}
<button class="button">{{button}}</button>
{{/if}}
</form>
{{/with}}
{{/if}}
{{#if mail}}
<div class="mail" data-mail data-wait="{{mail.waitSeconds}}" data-text="{{mail.waitText}}">
<p class="hint" data-state aria-live="polite">{{mail.stateText}}</p>
{{#if mail.mayResend}}<form method="post" action="{{mail.action}}"><button class="link"{{#if mail.waits}} data-waits{{/if}}>{{mail.button}}</button> <span class="hint" data-countdown></span></form>{{else}}<p class="hint">{{mail.overText}}</p>{{/if}}
</div>
{{/if}}
{{#if ways}}<ul class="ways">
{{#each links}}<li>{{before}} <a href="{{href}}">{{text}}</a></li>
{{/each}}
</ul>{{/if}}
</main>
<footer class="door-foot">
<a href="/docs">{{documentationText}}</a>
<form method="post" action="/language" aria-label="{{languageText}}">{{#each languages}}<button class="link" name="language" value="{{name}}" lang="{{name}}"{{#if current}} aria-current="true"{{/if}}>{{text}}</button>{{/each}}</form>
</footer>
</body>
</html>
`,
  { strict: true, knownHelpersOnly: true },
)

const languageNames: Readonly<Record<string, string>> = {
  de: 'Deutsch',
  en: 'English',
  fr: 'Français',
}

/** The page as HTML: it works without a script, and everything in it is escaped. */
export function signInPage(page: SignInPage): string {
  const { language, values = {} } = page
  const tell = (word: Word | undefined, more: Values = {}) =>
    word ? say(language, word, { ...values, ...more }) : ''
  return template({
    language,
    title: tell(page.title),
    lead: tell(page.lead),
    notice: page.notice ?? '',
    problem: page.problem ?? '',
    css: assetPath('hub', 'css'),
    js: assetPath('sign-in', 'js'),
    facts: page.facts?.map((fact) => ({ label: tell(fact.label), ...told(fact) })) ?? [],
    form: page.form && {
      action: page.form.action,
      button: tell(page.form.button),
      choice: page.form.choice && {
        ...page.form.choice,
        other: page.form.choice.other.value,
        otherText: tell(page.form.choice.other.text),
      },
      passkey: page.form.passkey ?? '',
      passkeyText: tell('byPasskey'),
      passkeyFailed: tell('passkeyFailed'),
      fields: page.form.fields.map((field) => fieldView(page, field, tell)),
    },
    mail: page.mail && {
      ...page.mail,
      action: `${page.form?.action ?? ''}/resend`,
      waits: page.mail.waitSeconds > 0,
      stateText: page.mail.state,
      waitText: tell('resendIn', { seconds: '{seconds}' }),
      button: tell('resend'),
      overText: tell('noSendsLeft'),
    },
    links: page.links.map(({ href, text, before }) => ({
      href,
      text: tell(text),
      before: tell(before),
    })),
    ways: page.links.length > 0,
    documentationText: tell('documentation'),
    languageText: tell('language'),
    languages: languages.map((name) => ({
      name,
      text: languageNames[name] ?? name,
      current: name === language,
    })),
  })
}

/** A moment says its zone; the page's script, where one runs, tells it in the reader's. */
function told(fact: Fact): { text: string; iso: string } {
  if ('text' in fact) return { text: fact.text, iso: '' }
  const iso = new Date(fact.at).toISOString()
  return { text: `${iso.slice(0, 16).replace('T', ' ')} UTC`, iso }
}

function fieldView(
  { problem }: SignInPage,
  field: Field,
  tell: (word: Word | undefined) => string,
): object {
  const secret = field.type === 'password'
  const code = field.type === 'code'
  const described = [field.hint ? `${field.name}-hint` : '', problem ? 'problem' : '']
  return {
    name: field.name,
    label: tell(field.label),
    hidden: field.type === 'hidden',
    type: code ? 'text' : field.type,
    value: field.value ?? '',
    autocomplete: field.autocomplete,
    code,
    digits: field.digits ?? 0,
    // Room for the spaces and dashes that come with a pasted code.
    maxlength: (field.digits ?? 0) * 2 + 2,
    hint: tell(field.hint),
    optional: field.optional ?? false,
    optionalText: tell('optional'),
    required: !field.optional,
    focus: field.focus ?? false,
    described: described.filter(Boolean).join(' '),
    invalid: problem !== undefined && field.focus === true,
    secret,
    showText: tell('show'),
    hideText: tell('hide'),
    capsText: tell('capsLock'),
  }
}
