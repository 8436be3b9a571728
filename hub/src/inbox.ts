/** What a script adds to the inbox of a server without SMTP: it stays new, codes are copied, mails are shown as sent. */
const LOOK_EVERY_MS = 1500
const main = document.querySelector<HTMLElement>('[data-newest]')

setInterval(async () => {
  if (document.hidden) return
  const answer = await fetch('/dev/inbox/newest').catch(() => null)
  if (!answer?.ok) return
  const { id } = (await answer.json()) as { id: string | null }
  if ((id ?? '') !== main?.dataset.newest) location.reload()
}, LOOK_EVERY_MS)

for (const button of document.querySelectorAll<HTMLButtonElement>('[data-copy]')) {
  button.hidden = false
  button.addEventListener('click', async () => {
    await navigator.clipboard.writeText(button.dataset.copy ?? '')
    button.textContent = 'Copied'
  })
}

for (const time of document.querySelectorAll('time')) {
  time.textContent = new Date(time.dateTime).toLocaleTimeString()
}

for (const details of document.querySelectorAll<HTMLDetailsElement>('[data-frame]')) {
  details.addEventListener('toggle', () => show(details), { once: true })
}

function show(details: HTMLDetailsElement): void {
  const frame = document.createElement('iframe')
  frame.src = details.dataset.frame ?? ''
  frame.title = details.dataset.title ?? ''
  details.querySelector('p')?.replaceWith(frame)
}
