import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { scene } from './freddy.ts'

scene(
  'the documentation is served as it lies in docs/, and every link in it leads somewhere',
  async (freddy) => {
    const index = await freddy.ask('GET /docs')
    assert.equal(index.status, 200)
    assert.match(String(index.headers['content-type']), /^text\/html/)
    assert.match(String(index.headers['content-security-policy']), /default-src 'none'/)
    const names = readdirSync(new URL('../../docs/', import.meta.url))
      .filter((file) => file.endsWith('.md'))
      .map((file) => file.slice(0, -3))
    for (const name of names) {
      assert.ok(index.text.includes(`href="/docs/${name}"`), name)
      const page = await freddy.ask(`GET /docs/${name}`)
      assert.equal(page.status, 200, name)
      assert.equal(page.text.includes('localhost:3000'), false, `${name} speaks of this server`)
      const links = [...page.text.matchAll(/(?:href|src)="(\/[^"]*|#[^"]*)"/g)].map(
        ([, href = '']) => href,
      )
      for (const link of links) {
        const [path = '', fragment] = link.split('#')
        const there = path ? await freddy.ask(`GET ${path}`) : page
        assert.equal(there.status, 200, `${name}: ${link}`)
        if (fragment) assert.ok(there.text.includes(`id="${fragment}"`), `${name}: ${link}`)
      }
    }
    for (const path of [
      'nothing',
      'site/nothing.js',
      'pictures/..%2Fsite%2Fdocs.js',
      'api/nothing',
    ]) {
      assert.equal((await freddy.ask(`GET /docs/${path}`)).status, 404, path)
    }
  },
)

scene('bookmarks of old lead to the pages of today', async (freddy) => {
  for (const old of [
    'documentation/authentication',
    'documentation/rate-limiting',
    'documentation/error-handling',
    'api-reference/authentication/login/login',
  ]) {
    const moved = await freddy.ask(`GET /docs/${old}`)
    assert.equal(moved.status, 301)
    assert.equal((await freddy.ask(`GET ${moved.headers.location}`)).status, 200)
  }
})

scene('an error leads to the row that says what to do', async (freddy) => {
  for (const line of ['GET /nowhere', 'GET /v1/models', 'POST /v1/auth/login']) {
    const { body } = await freddy.ask(line)
    const [path = '', anchor = ''] = body.error.doc_url.split('#')
    assert.equal(anchor, body.error.code.toLowerCase())
    assert.ok((await freddy.ask(`GET ${path}`)).text.includes(`<a id="${anchor}">`), anchor)
  }
})

scene('programs that read find every page, as text', async (freddy) => {
  const { status, text, headers } = await freddy.ask('GET /llms.txt')
  assert.equal(status, 200)
  assert.match(String(headers['content-type']), /^text\/plain/)
  assert.match(text, /^# Freddy Auth\n\n> .+\n\n## Begin\n/)
  const links = [...text.matchAll(/^- \[(.+)\]\((\S+)\): \S.*$/gm)]
  assert.ok(links.length > 20)
  for (const [, title = '', url = ''] of links) {
    const { pathname, origin } = new URL(url)
    assert.equal(origin, 'https://auth.example.com')
    const page = await freddy.ask(`GET ${pathname}`)
    assert.equal(page.status, 200, pathname)
    if (pathname.endsWith('.md')) assert.ok(page.text.startsWith(`# ${title}\n`), pathname)
  }
  assert.equal((await freddy.ask('GET /docs/nothing.md')).status, 404)
})

scene('the reference tells every route, and leads to the errors of each', async (freddy) => {
  const index = await freddy.ask('GET /docs/api')
  const { paths } = (await freddy.ask('GET /openapi.json')).body
  const told = [...index.text.matchAll(/href="(\/docs\/api\/[a-z-]+)#([a-z0-9-]+)"/g)]
  const routes = Object.values<object>(paths).flatMap((methods) => Object.keys(methods))
  assert.equal(told.length, routes.length)
  for (const group of new Set(told.map(([, path]) => path))) {
    const page = await freddy.ask(`GET ${group}`)
    assert.equal(page.status, 200)
    for (const [, path, id] of told) {
      if (path === group) assert.ok(page.text.includes(`<h2 id="${id}">`), id)
    }
    const errors = await freddy.ask('GET /docs/errors')
    for (const [, anchor] of page.text.matchAll(/href="\/docs\/errors#([a-z_]+)"/g)) {
      assert.ok(errors.text.includes(`id="${anchor}"`), anchor)
    }
  }
  const login = (await freddy.ask('GET /docs/api/auth')).text
  assert.match(login, /<code>email_or_username<\/code> <span class="must">required/)
})

scene('the search knows every page, and each of its entries leads to a place', async (freddy) => {
  const answer = await freddy.running.http.inject('/docs/search.json')
  const entries: { page: string; title: string; url: string; text: string }[] = JSON.parse(
    gunzipSync(answer.rawPayload).toString(),
  )
  assert.ok(answer.rawPayload.length < 150_000, `${answer.rawPayload.length} bytes`)
  const pages = new Map<string, string>()
  for (const { url, title } of entries) {
    const [path = '', anchor] = url.split('#')
    if (!pages.has(path)) pages.set(path, (await freddy.ask(`GET ${path}`)).text)
    if (anchor) assert.ok(pages.get(path)?.includes(`id="${anchor}"`), `${title}: ${url}`)
  }
  const index = (await freddy.ask('GET /docs')).text
  for (const [, name] of index.matchAll(/href="\/docs\/([a-z-]+)"/g)) {
    assert.ok(pages.has(`/docs/${name}`), name)
  }
})

/** Every colour of a style by its name, as it is by day and by night. */
function coloursOf(path: string): Map<string, string[]> {
  const style = readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8')
  const named = [...style.matchAll(/(--[\w-]+): (#\w+);/g)]
  return new Map(
    [...Map.groupBy(named, ([, name = '']) => name)].map(([name, found]) => [
      name,
      found.map(([, , colour = '']) => colour),
    ]),
  )
}

test('the documentation has the colours of the Hub, though each style stands alone', () => {
  const [pages, hub] = [coloursOf('docs/site/docs.css'), coloursOf('hub/style/tokens.css')]
  const shared = [...pages].filter(([name]) => hub.has(name))
  assert.ok(shared.length >= 8, shared.map(([name]) => name).join())
  for (const [name, colours] of shared) assert.deepEqual(colours, hub.get(name), name)
})
