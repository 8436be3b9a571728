import Handlebars from 'handlebars'
import type { DocsPage } from './docs-pages.ts'
import { pageHead, pageStyle } from './page-head.ts'

const page = Handlebars.compile(
  `${pageHead}
<title>{{title}} · Freddy</title>
<style>
${pageStyle}
html { scroll-padding-top: 1.5rem }
.frame { display: grid; gap: 0 3.5rem; max-width: 68rem; margin: 0 auto; padding: 2rem 1.25rem 5rem }
nav ul { display: flex; flex-wrap: wrap; gap: .25rem 1.1rem; margin: .75rem 0 0; padding: 0; list-style: none; font-size: .9375rem }
nav .home { color: var(--ink); font-weight: 650; text-decoration: none }
nav li a { color: var(--quiet); text-decoration: none }
nav li a:hover, nav li a[aria-current] { color: var(--mark) }
main { min-width: 0; max-width: 46rem; margin-top: 2rem }
@media (min-width: 60rem) {
  .frame { grid-template-columns: 13rem minmax(0, 1fr); padding-top: 3rem }
  nav { position: sticky; top: 3rem; align-self: start }
  nav ul { display: grid; gap: .4rem; margin-top: 1.25rem }
  main { margin-top: 0 }
}
h1 { margin: 0 0 1.25rem; font-size: 2rem; line-height: 1.2; letter-spacing: -.02em }
h2 { margin: 2.75rem 0 .75rem; font-size: 1.3rem; letter-spacing: -.01em }
h3 { margin: 2rem 0 .5rem; font-size: 1.05rem }
p, ul, ol { margin: 0 0 1rem } li { margin: .25rem 0 }
a { color: var(--mark) }
code { font: .875em/1.5 ui-monospace, SFMono-Regular, Menlo, monospace; overflow-wrap: anywhere }
:not(pre) > code { padding: .1em .35em; background: var(--tint); border-radius: 5px }
pre { margin: 0 0 1.25rem; padding: 1rem 1.15rem; background: var(--tint); border: 1px solid var(--line); border-radius: 12px; overflow-x: auto }
pre code { font-size: .8125rem; overflow-wrap: normal }
.wide { margin: 0 0 1.25rem; overflow-x: auto }
table { width: 100%; border-collapse: collapse; font-size: .9375rem }
th { color: var(--quiet); font-size: .8125rem; font-weight: 600; text-align: left }
th, td { padding: .55rem 1rem .55rem 0; border-bottom: 1px solid var(--line); vertical-align: top }
td:first-child code { white-space: nowrap }
td:last-child, th:last-child { padding-right: 0 }
.list { display: grid; gap: .75rem; padding: 0; list-style: none }
.list a { display: block; padding: 1rem 1.25rem; border: 1px solid var(--line); border-radius: 14px; color: inherit; text-decoration: none }
.list a:hover { border-color: var(--mark) }
.list strong { display: block; color: var(--mark) } .list span { color: var(--quiet) }
:focus-visible { outline: 2px solid var(--mark); outline-offset: 3px; border-radius: 4px }
</style>
</head>
<body>
<div class="frame">
<nav aria-label="Documentation">
<a class="home" href="/docs">Freddy Auth</a>
<ul>
{{#each pages}}<li><a href="/docs/{{name}}"{{#if current}} aria-current="page"{{/if}}>{{title}}</a></li>
{{/each}}<li><a href="/openapi.json">OpenAPI</a></li>
</ul>
</nav>
<main>
{{#if html}}{{{html}}}{{else}}
<h1>Documentation</h1>
<ul class="list">
{{#each pages}}<li><a href="/docs/{{name}}"><strong>{{title}}</strong><span>{{lead}}</span></a></li>
{{/each}}
</ul>
{{/if}}
</main>
</div>
</body>
</html>
`,
  { strict: true, knownHelpersOnly: true },
)

/** A page of the documentation beside the list of all of them; without one, the list alone. */
export function docsPage(pages: readonly DocsPage[], current: DocsPage | null): string {
  return page({
    title: current?.title ?? 'Documentation',
    html: current?.html ?? '',
    pages: pages.map(({ name, title, lead }) => ({
      name,
      title,
      lead,
      current: name === current?.name,
    })),
  })
}
