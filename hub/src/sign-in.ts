/**
 * What a script adds to the sign-in pages, which work without it: send a form once, show the password, warn of Caps
 * Lock, take a pasted code as it comes, count down to the next mail, follow the mail, use a passkey, tell times in the
 * reader's zone.
 */

/** Within this time a form that is sent again is the same press. */
const SAME_PRESS_MS = 10_000

for (const form of all<HTMLFormElement>('form')) sendsOnce(form)
for (const time of all<HTMLTimeElement>('time[datetime]')) tellsLocally(time)
for (const button of all('[data-show]')) showsPassword(button)
for (const input of all<HTMLInputElement>('input[data-digits]')) sendsWhenWhole(input)
const mail = document.querySelector<HTMLElement>('[data-mail]')
if (mail) followMail(mail)
const passkeyForm = document.querySelector<HTMLFormElement>('form[data-passkey]')
if (passkeyForm && 'credentials' in navigator) offersPasskey(passkeyForm)
document.querySelector<HTMLInputElement>('[aria-invalid="true"]')?.select()
// Other tabs that still show what is behind the session leave it too.
if (location.search.includes('told=signedOut')) new BroadcastChannel('freddy').postMessage('over')

function all<Kind extends HTMLElement = HTMLElement>(selector: string): Kind[] {
  return [...document.querySelectorAll<Kind>(selector)]
}

/** Enter behind a code that went by itself, or a second click: it would find the code used, and say so. */
function sendsOnce(form: HTMLFormElement): void {
  let sentAt = Number.NEGATIVE_INFINITY
  form.addEventListener('submit', (event) => {
    if (event.timeStamp - sentAt < SAME_PRESS_MS) event.preventDefault()
    else sentAt = event.timeStamp
  })
  // The way back shows the page as it was left.
  addEventListener('pageshow', () => {
    sentAt = Number.NEGATIVE_INFINITY
  })
}

/** The server names UTC; here the reader's own zone is known. */
function tellsLocally(time: HTMLTimeElement): void {
  const format = { dateStyle: 'medium', timeStyle: 'short' } as const
  const { lang } = document.documentElement
  time.textContent = new Intl.DateTimeFormat(lang, format).format(new Date(time.dateTime))
}

function showsPassword(button: HTMLElement): void {
  const input = document.getElementById(button.dataset.show ?? '') as HTMLInputElement
  const caps = input.closest('.field')?.querySelector<HTMLElement>('[data-caps]')
  const texts = [button.textContent, button.dataset.hideText ?? '']
  button.hidden = false
  button.addEventListener('click', () => {
    const shown = input.type === 'text'
    input.type = shown ? 'password' : 'text'
    button.textContent = texts[shown ? 0 : 1] ?? ''
    input.focus()
  })
  input.form?.addEventListener('submit', () => {
    input.type = 'password'
  })
  input.addEventListener('keyup', (event) => {
    if (caps) caps.hidden = !event.getModifierState('CapsLock')
  })
}

/** Once: a code that was refused is not sent again by itself. */
function sendsWhenWhole(input: HTMLInputElement): void {
  const digits = Number(input.dataset.digits)
  let sent = false
  input.addEventListener('input', () => {
    const plain = input.value.replace(/\D/g, '').slice(0, digits)
    if (plain !== input.value) input.value = plain
    const alone = input.form?.querySelectorAll('input:not([type=hidden])').length === 1
    if (plain.length !== digits || sent || !alone) return
    sent = true
    input.form?.requestSubmit()
  })
}

interface Mail {
  readonly state: string
  readonly waitSeconds: number
}

/** Counts down to the next mail, by the server's number, and asks how this one fares. */
function followMail(place: HTMLElement): void {
  const button = place.querySelector<HTMLButtonElement>('[data-waits]')
  const countdown = place.querySelector('[data-countdown]')
  const state = place.querySelector('[data-state]')
  let end = performance.now() + Number(place.dataset.wait) * 1000
  const tick = () => {
    const seconds = Math.ceil((end - performance.now()) / 1000)
    if (button) button.disabled = seconds > 0
    const text = seconds > 0 ? (place.dataset.text ?? '').replace('{seconds}', String(seconds)) : ''
    if (countdown) countdown.textContent = text
  }
  tick()
  setInterval(tick, 500)

  let looks = 0
  const look = async () => {
    looks += 1
    const answer = await fetch('/sign-in/code/mail').catch(() => null)
    if (answer?.ok) {
      const told = (await answer.json()) as Mail
      if (state && state.textContent !== told.state) state.textContent = told.state
      end = performance.now() + told.waitSeconds * 1000
    }
    // Often at first, then every so often: the mail of a code that lives for minutes.
    if (looks < 40) setTimeout(look, looks < 5 ? 2000 : 10_000)
  }
  setTimeout(look, 1500)
}

/**
 * By its button, and among what the browser offers for the code: the second step is where a passkey stands, since the
 * first one takes a password. Two questions to a browser exclude each other, so the button ends the one that waits.
 */
function offersPasskey(form: HTMLFormElement): void {
  const button = form.querySelector<HTMLButtonElement>('[data-use-passkey]')
  const field = form.elements.namedItem('passkey') as HTMLInputElement
  if (!button) return
  const waiting = new AbortController()
  const use = async (more: CredentialRequestOptions) => {
    const options = JSON.parse(form.dataset.passkey ?? '{}')
    const publicKey = PublicKeyCredential.parseRequestOptionsFromJSON(options)
    const asked = await navigator.credentials.get({ publicKey, ...more })
    field.value = JSON.stringify((asked as PublicKeyCredential).toJSON())
    // The other field stays empty: its own rules do not hold for a passkey.
    form.noValidate = true
    form.requestSubmit()
  }
  button.hidden = false
  button.addEventListener('click', () => {
    waiting.abort()
    use({}).catch(() => alertIn(form, form.dataset.failed ?? ''))
  })
  // A refused passkey is not offered again by itself: a virtual one would answer for ever.
  if (!document.getElementById('problem')) void offersAmongCodes(use, waiting.signal)
}

type Use = (more: CredentialRequestOptions) => Promise<void>

/** Whoever lets it pass, types the code instead. */
async function offersAmongCodes(use: Use, signal: AbortSignal): Promise<void> {
  try {
    if (!(await PublicKeyCredential.isConditionalMediationAvailable?.())) return
    await use({ mediation: 'conditional', signal })
  } catch {
    // The button and the code are still there.
  }
}

function alertIn(form: HTMLFormElement, text: string): void {
  const shown = document.getElementById('problem')
  const place = shown ?? Object.assign(document.createElement('p'), { className: 'problem' })
  place.setAttribute('role', 'alert')
  place.textContent = text
  if (!shown) form.before(place)
}
