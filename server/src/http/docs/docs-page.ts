import Handlebars from 'handlebars'
import { pageHead } from '../page-head.ts'
import type { DocsPage } from './read-pages.ts'
import { OTHERS, sections } from './sections.ts'

const page = Handlebars.compile(
  `${pageHead()}
<title>{{title}} · Freddy Auth</title>
<meta name="description" content="{{lead}}">
<link rel="icon" href="/docs/pictures/mark.svg">
<link rel="stylesheet" href="/docs/site/docs.css">
<script type="module" src="/docs/site/docs.js"></script>
</head>
<body>
<a class="skip" href="#page">To the page</a>
<header><div>
<a class="home" href="/docs">Freddy Auth <span>documentation</span></a>
<div class="search" role="search" hidden>
<input type="text" role="combobox" placeholder="Search" aria-label="Search the documentation" aria-expanded="false" aria-controls="found" aria-autocomplete="list" autocomplete="off" spellcheck="false">
<kbd aria-hidden="true">/</kbd>
<ul class="found" id="found" role="listbox" aria-label="Found" hidden></ul>
</div>
</div></header>
<div class="frame">
<nav aria-label="All pages"><details open><summary>All pages</summary>
{{#each groups}}<h2>{{title}}</h2>
<ul>
{{#each pages}}<li><a href="/docs/{{name}}"{{#if current}} aria-current="page"{{/if}}>{{short}}</a></li>
{{/each}}</ul>
{{/each}}</details></nav>
<main id="page">
{{#if html}}{{{html}}}{{else}}
<h1>Documentation</h1>
<p>Two-step e-mail sign-in and API keys in front of an AI API, or any HTTP API. The calls and programs on these pages are run by the tests.</p>
{{#each groups}}<h2 class="group">{{title}}</h2>
<ul class="list">
{{#each pages}}<li><a href="/docs/{{name}}"><strong>{{short}}</strong><span>{{lead}}</span></a></li>
{{/each}}</ul>
{{/each}}
{{/if}}
{{#if isPage}}<div class="next">{{#if before}}<a href="/docs/{{before.name}}">← {{before.short}}</a>{{/if}}{{#if after}}<a href="/docs/{{after.name}}">{{after.short}} →</a>{{/if}}</div>{{/if}}
</main>
{{#if parts.length}}<aside class="parts" aria-labelledby="parts"><h2 id="parts">On this page</h2>
<ul>
{{#each parts}}<li><a href="#{{id}}">{{title}}</a></li>
{{/each}}</ul></aside>
{{/if}}
</div>
</body>
</html>
`,
  { strict: true, knownHelpersOnly: true },
)

const MOST_PARTS = 30

/** What a page shows beside the list of all of them. */
export interface Shown extends Pick<DocsPage, 'name' | 'title' | 'lead' | 'html' | 'headings'> {}

/** A page of the documentation beside the list of all of them; without one, the list alone. */
export function docsPage(pages: readonly DocsPage[], current: Shown | null): string {
  const at = pages.findIndex(({ name }) => name === current?.name)
  const parts = current?.headings.filter(({ depth }) => depth === 2).slice(0, MOST_PARTS) ?? []
  return page({
    title: current?.title ?? 'Documentation',
    lead: current?.lead ?? 'How to sign people in, give out keys, and run it.',
    html: current?.html ?? '',
    parts: parts.length > 1 ? parts : [],
    isPage: at >= 0,
    before: pages[at - 1] ?? null,
    after: pages[at + 1] ?? null,
    groups: groupsOf(pages, current),
  })
}

function groupsOf(pages: readonly DocsPage[], current: Shown | null) {
  return [...sections.map(([title]) => title), OTHERS]
    .map((title) => ({
      title,
      pages: pages
        .filter(({ section }) => section === title)
        .map(({ name, short, lead }) => ({ name, short, lead, current: name === current?.name })),
    }))
    .filter((group) => group.pages.length > 0)
}
