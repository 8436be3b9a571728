import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
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
      const links = [...page.text.matchAll(/href="(\/[^"]*|#[^"]*)"/g)].map(([, href = '']) => href)
      for (const link of links) {
        const [path = '', fragment] = link.split('#')
        const there = path ? await freddy.ask(`GET ${path}`) : page
        assert.equal(there.status, 200, `${name}: ${link}`)
        if (fragment) assert.ok(there.text.includes(`id="${fragment}"`), `${name}: ${link}`)
      }
    }
    assert.equal((await freddy.ask('GET /docs/nothing')).status, 404)
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
  assert.match(text, /^# Freddy Auth\n\n> .+\n\n## Documentation\n/)
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
