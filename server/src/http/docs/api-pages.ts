import Handlebars from 'handlebars'
import type { ApiGroup } from './api-reference.ts'
import { headingId } from './read-pages.ts'

const own = Handlebars.create()

const fields = `<div class="wide" tabindex="0"><table class="fields"><thead><tr><th>Field</th><th>Is</th><th>Notes</th></tr></thead><tbody>
{{#each rows}}<tr><td><code>{{name}}</code>{{#if required}} <span class="must">required</span>{{/if}}</td><td>{{type}}</td><td>{{told}}</td></tr>
{{/each}}</tbody></table></div>`
own.registerPartial('fields', fields)

const index = own.compile(
  `<h1>API reference</h1>
<p>Every route, made from the description that this server gives of itself (<a href="/openapi.json">OpenAPI 3.1</a>). What all of them share:
errors have one shape and a code (<a href="/docs/errors">Errors</a>), limits are told in headers (<a href="/docs/rate-limits">Limits</a>), a token or
key goes into <code>Authorization: Bearer</code>, and a body is JSON unless it says otherwise.</p>
{{#each groups}}<h2 id="{{anchor}}">{{title}}</h2>
<div class="wide" tabindex="0"><table class="routes"><tbody>
{{#each operations}}<tr><td><span class="method">{{method}}</span></td><td><a href="/docs/api/{{../name}}#{{id}}"><code>{{path}}</code></a></td><td>{{summary}}</td></tr>
{{/each}}</tbody></table></div>
{{/each}}`,
  { strict: true },
)

const group = own.compile(
  `<h1>{{title}}</h1>
<p><a href="/docs/api">All routes</a></p>
{{#each operations}}<section>
<h2 id="{{id}}"><span class="method">{{method}}</span> <code>{{path}}</code> <a class="here" href="#{{id}}" aria-label="Link to this route">#</a></h2>
<p>{{summary}}. For {{who}}.</p>
{{#if parameters.length}}<h3>Parameters</h3>
{{> fields rows=parameters}}{{/if}}
{{#if body.length}}<h3>Body <small>{{media}}</small></h3>
{{> fields rows=body}}{{/if}}
{{#if answer.length}}<h3>Answer <small>{{status}}</small></h3>
{{> fields rows=answer}}{{else}}<p>Answers {{status}}.</p>{{/if}}
<details><summary>Refusals ({{refusals.length}})</summary>
<p>{{#each refusals}}<a href="/docs/errors#{{anchor}}">{{status}} <code>{{code}}</code></a> {{/each}}</p></details>
</section>
{{/each}}`,
  { strict: true },
)

/** All routes in one list. */
export function apiIndex(groups: readonly ApiGroup[]): string {
  return index({ groups: groups.map((one) => ({ ...one, anchor: headingId(one.title) })) })
}

/** The routes of a group, field by field. */
export function apiGroup(one: ApiGroup): string {
  return group(one)
}
