import { defineCommand } from 'citty'
import { openPlace } from './place.ts'
import { answer, common, run, talk } from './shell.ts'

export const logoutCommand = defineCommand({
  meta: { name: 'logout', description: 'End the session and forget it' },
  args: {
    all: { type: 'boolean', description: 'End your sessions on every device', default: false },
    ...common,
  },
  run: ({ args }) =>
    run(args, async () => {
      const { auth, store, apiKey, server } = await openPlace(args)
      // A key is not ended by forgetting it here: it may be in use elsewhere.
      if (!apiKey && args.all) await auth.sessions.revokeOthers()
      if (!apiKey) await auth.logout()
      await store.clear()
      if (args.json) answer(args, { server, signed_in: false })
      if (apiKey) talk('The API key is forgotten here; it stays alive. End it: freddy keys revoke')
      else talk(args.all ? 'Signed out everywhere.' : 'Signed out.')
    }),
})

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
