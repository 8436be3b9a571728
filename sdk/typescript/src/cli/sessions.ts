import { defineCommand } from 'citty'
import { allOf } from './pages.ts'
import { openPlace } from './place.ts'
import { answer, columns, common, run, talk, waiting } from './shell.ts'

const listCommand = defineCommand({
  meta: { name: 'list', description: 'Where you are signed in' },
  args: common,
  run: ({ args }) =>
    run(args, async () => {
      const { auth } = await openPlace(args)
      const sessions = await waiting(
        () => 'Reading sessions',
        allOf((page) => auth.sessions.list(page)),
      )
      const rows = sessions.map((session) => [
        session.id,
        session.last_seen_at.slice(0, 16).replace('T', ' '),
        session.last_seen_network,
        session.device_name,
        session.current ? 'this one' : '',
      ])
      answer(args, sessions, ...columns(rows))
    }),
})

const revokeCommand = defineCommand({
  meta: { name: 'revoke', description: 'Sign a device out' },
  args: { id: { type: 'positional', description: 'ses_…', required: true }, ...common },
  run: ({ args }) =>
    run(args, async () => {
      const { auth } = await openPlace(args)
      await auth.sessions.revoke(args.id)
      answer(args, { id: args.id, deleted: true }, args.id)
      talk('Signed out.')
    }),
})

export const sessionsCommand = defineCommand({
  meta: { name: 'sessions', description: 'Where you are signed in' },
  subCommands: { list: listCommand, revoke: revokeCommand },
})
