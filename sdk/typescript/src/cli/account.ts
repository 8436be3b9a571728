import { defineCommand } from 'citty'
import { clientOf, isApiKey, openPlace, type Place } from './place.ts'
import { answer, common, run, talk } from './shell.ts'

export const logoutCommand = defineCommand({
  meta: { name: 'logout', description: 'End the session and forget it' },
  args: {
    all: { type: 'boolean', description: 'End your sessions on every device', default: false },
    ...common,
  },
  run: ({ args }) =>
    run(args, async () => {
      const place = await openPlace(args)
      const { FREDDY_API_KEY: key } = process.env
      // Where there is only a key of the environment, nothing is here to end.
      if (place.kept || args.all || !key) talk(await leave(place, args.all ? 'all' : 'this'))
      if (key) talk('FREDDY_API_KEY is set and goes on; its key stays alive.')
      if (args.json) answer(args, { server: place.server, signed_in: false })
    }),
})

/** Ends what is kept here, and says what became of it. */
async function leave({ server, store, kept }: Place, which: 'this' | 'all'): Promise<string> {
  // A key is not ended by forgetting it here: it may be in use elsewhere.
  if (isApiKey(kept?.token)) {
    await store.clear()
    return 'The API key is forgotten here; it stays alive. End it: freddy keys revoke ID'
  }
  const auth = clientOf({ baseUrl: server, store })
  if (which === 'all') await auth.sessions.revokeOthers()
  await auth.logout()
  if (which === 'all') return 'Signed out everywhere.'
  return kept ? 'Signed out.' : 'You were not signed in.'
}

export const whoamiCommand = defineCommand({
  meta: { name: 'whoami', description: 'Who is signed in, and where' },
  args: common,
  run: ({ args }) =>
    run(args, async () => {
      const { auth, server, store, apiKey } = await openPlace(args)
      if (apiKey) {
        const own = await auth.apiKeys.own()
        const shown = `${apiKey.slice(0, 7)}…${apiKey.slice(-4)}`
        answer(args, { server, api_key: own }, `${shown}  ${own.name}`, server)
      } else {
        const me = await auth.me()
        const names = [me.email, me.username].filter(Boolean)
        answer(args, { server, user: me }, names.join('  '), server)
      }
      if (!args.json && !process.env.FREDDY_API_KEY) talk(`Kept in ${store.place}.`)
    }),
})
