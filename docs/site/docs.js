/* Search over the pages of this server, and a button that copies a piece of code. Nothing is asked of anybody else. */

const MOST_FOUND = 12

const box = document.querySelector('.search')
const input = box.querySelector('input')
const list = box.querySelector('ul')
let index
let found = []
let chosen = -1

box.hidden = false

/** The parts of all pages, asked for when somebody begins to type. */
async function load() {
  index ??= fetch('/docs/search.json').then((answer) => answer.json())
  return index
}

/** How well a part fits: each word must stand somewhere, and weighs more where it is a heading. */
function weigh(entry, words) {
  let sum = 0
  for (const word of words) {
    const inTitle = place(entry.title, word)
    const inPage = place(entry.page, word)
    const inText = entry.text.toLowerCase().includes(word)
    if (!inTitle && !inPage && !inText) return 0
    sum += 8 * inTitle + 3 * inPage + (inText ? 1 : 0)
  }
  return sum
}

/** 2 where a word of the text begins with it, 1 where it stands within one. */
function place(text, word) {
  const lower = text.toLowerCase()
  const at = lower.indexOf(word)
  if (at < 0) return 0
  return at === 0 || /[^a-z0-9]/.test(lower[at - 1]) ? 2 : 1
}

async function search() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean)
  const entries = await load()
  if (words.join() !== input.value.toLowerCase().split(/\s+/).filter(Boolean).join()) return
  found = entries
    .map((entry) => ({ entry, weight: weigh(entry, words) }))
    .filter(({ weight }) => weight > 0)
    .sort((one, other) => other.weight - one.weight)
    .slice(0, MOST_FOUND)
    .map(({ entry }) => entry)
  chosen = found.length > 0 ? 0 : -1
  show(words.length > 0)
}

function show(isOpen) {
  list.hidden = !isOpen
  input.setAttribute('aria-expanded', String(isOpen))
  list.replaceChildren(...(found.length > 0 ? found.map(row) : [nothing()]))
  mark()
}

function row({ title, page, text, url }, at) {
  const item = element('li', { role: 'option', id: `found-${at}` })
  const name = element('strong', {}, title)
  if (page !== title) name.append(element('span', {}, ` · ${page}`))
  item.append(name, element('small', {}, text))
  item.addEventListener('mousedown', (event) => event.preventDefault())
  item.addEventListener('click', () => location.assign(url))
  return item
}

const nothing = () =>
  element('li', { class: 'none', role: 'option', 'aria-disabled': 'true' }, 'Nothing is called so.')

function mark() {
  for (const [at, item] of [...list.children].entries()) {
    item.setAttribute('aria-selected', String(at === chosen))
    if (at === chosen) item.scrollIntoView({ block: 'nearest' })
  }
  if (chosen < 0) input.removeAttribute('aria-activedescendant')
  else input.setAttribute('aria-activedescendant', `found-${chosen}`)
}

function element(name, attributes, text = '') {
  const made = document.createElement(name)
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value)
  made.textContent = text
  return made
}

const keys = {
  ArrowDown: () => step(1),
  ArrowUp: () => step(-1),
  Enter: () => found[chosen] && location.assign(found[chosen].url),
  Escape: () => close(),
}

function step(by) {
  if (found.length === 0) return
  chosen = (chosen + by + found.length) % found.length
  mark()
}

function close() {
  input.value = ''
  found = []
  chosen = -1
  show(false)
}

input.addEventListener('focus', load)
input.addEventListener('input', search)
input.addEventListener('blur', () => {
  list.hidden = true
  input.setAttribute('aria-expanded', 'false')
})
input.addEventListener('keydown', (event) => {
  const act = keys[event.key]
  if (!act) return
  event.preventDefault()
  act()
})
document.addEventListener('keydown', (event) => {
  const isTyping = /^(INPUT|TEXTAREA|SELECT)$/.test(document.activeElement?.tagName ?? '')
  if (event.key !== '/' || isTyping || event.metaKey || event.ctrlKey || event.altKey) return
  event.preventDefault()
  input.focus()
})

for (const piece of document.querySelectorAll('pre')) {
  const around = element('div', { class: 'copied' })
  const button = element('button', { type: 'button' }, 'Copy')
  piece.replaceWith(around)
  around.append(piece, button)
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(piece.textContent)
    button.textContent = 'Copied'
    setTimeout(() => {
      button.textContent = 'Copy'
    }, 2000)
  })
}

/* On a narrow screen the list of pages opens on demand; beside the page it is always open. */
const menu = document.querySelector('nav details')
const wide = matchMedia('(min-width: 60rem)')
const fit = () => {
  menu.open = wide.matches
}
wide.addEventListener('change', fit)
fit()
document.querySelector('nav [aria-current]')?.scrollIntoView({ block: 'nearest' })
