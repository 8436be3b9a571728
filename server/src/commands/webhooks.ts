import { defineCommand } from 'citty'
import { tellDelivery } from '../admin/webhook-deliveries.ts'
import type { Acting } from '../auth/roster.ts'
import { ConfigError } from '../config.ts'
import { events } from '../events.ts'
import {
  createWebhook,
  deleteWebhook,
  pauseWebhook,
  replaySince,
  requireWebhook,
  resumeWebhook,
  rotateWebhook,
  testWebhook,
} from '../webhooks/endpoint.ts'
import { answer, columns, json, operate, origin, say } from './shell.ts'

const id = { type: 'positional', description: 'whk_…', required: true } as const

const list = defineCommand({
  meta: { name: 'list', description: 'Endpoints, and how they fare' },
  args: { json },
  run: ({ args }) =>
    operate(async ({ app }) => {
      const rows = await app.store.webhooks.list()
      const shown = rows.map(({ sealed_secret: _, former_sealed: __, ...row }) => row)
      if (args.json) return say(JSON.stringify(shown, null, 2))
      if (rows.length === 0) return say('No endpoints yet. Make one: freddy-auth webhooks add URL')
      const cells = rows.map(({ id: name, url, types, paused_by, failures }) => [
        name,
        paused_by === null ? 'active' : `paused (${paused_by})`,
        failures > 0 ? `${failures} failed` : '',
        types === '*' ? 'all events' : types,
        url,
      ])
      for (const line of columns(cells)) say(line)
    }),
})

const add = defineCommand({
  meta: { name: 'add', description: 'Send events to an address; its secret is shown this once' },
  args: {
    url: { type: 'positional', description: 'https://…', required: true },
    events: { type: 'string', description: 'Types with commas between; all when absent' },
    description: { type: 'string', description: 'What it is for' },
    json,
  },
  run: ({ args }) =>
    operate(async ({ app }) => {
      const types = args.events?.split(',').map((type) => type.trim()) ?? null
      const unknown = types?.find((type) => !Object.hasOwn(events, type))
      if (unknown !== undefined) throw new ConfigError([`No event is called ${unknown}.`])
      const wish = { url: args.url, description: args.description ?? null, types }
      const made = await createWebhook(acting(app), wish)
      answer(args, made, `${made.id} sends to ${args.url}`, made.secret)
    }),
})

const rotate = defineCommand({
  meta: { name: 'rotate', description: 'Another secret; both sign for a while' },
  args: {
    id,
    'overlap-hours': { type: 'string', description: '0 to 168', default: '24' },
    json,
  },
  run: ({ args }) =>
    operate(async ({ app }) => {
      const hours = Number(args['overlap-hours'])
      if (!/^\d{1,3}$/.test(args['overlap-hours']) || hours > 168)
        throw new ConfigError(['--overlap-hours takes 0 to 168.'])
      const secret = await rotateWebhook(acting(app), args.id, hours)
      answer(args, { id: args.id, secret }, secret)
    }),
})

const replay = defineCommand({
  meta: { name: 'replay', description: 'Send all that happened since then once more' },
  args: {
    id,
    since: { type: 'string', description: 'A moment, as 2026-11-23T12:00:00Z', required: true },
    json,
  },
  run: ({ args }) =>
    operate(async ({ app }) => {
      const since = Date.parse(args.since)
      if (Number.isNaN(since)) throw new ConfigError(['--since takes a moment.'])
      const queued = await replaySince(acting(app), args.id, since)
      answer(args, { id: args.id, queued }, `${queued} events are on their way.`)
    }),
})

const states = ['waiting', 'delivered', 'given_up'] as const

const deliveries = defineCommand({
  meta: { name: 'deliveries', description: 'What was sent there, and what waits; newest first' },
  args: {
    id,
    state: { type: 'string', description: states.join(', ') },
    limit: { type: 'string', description: '1 to 100', default: '20' },
    json,
  },
  run: ({ args }) =>
    operate(async ({ app }) => {
      const state = states.find((each) => each === args.state) ?? null
      if (args.state && !state) throw new ConfigError([`--state takes ${states.join(', ')}.`])
      const most = Number(args.limit)
      if (!/^\d{1,3}$/.test(args.limit) || most < 1 || most > 100)
        throw new ConfigError(['--limit takes 1 to 100.'])
      await requireWebhook({ app }, args.id)
      const rows = await app.store.deliveries.list({ webhookId: args.id, state, after: null, most })
      const told = rows.map(tellDelivery)
      if (args.json) return say(JSON.stringify(told, null, 2))
      if (told.length === 0) return say('Nothing was sent there so far.')
      const cells = told.map((each) => [
        each.event_id,
        each.type ?? '',
        each.state,
        each.tries === 1 ? '1 try' : `${each.tries} tries`,
        String(each.last_status ?? each.last_reason ?? ''),
        each.next_try_at ? `next ${each.next_try_at}` : (each.delivered_at ?? ''),
      ])
      for (const line of columns(cells)) say(line)
    }),
})

/** What is done to one endpoint, and how that is told. */
function act(
  name: string,
  description: string,
  work: (acting: Acting, id: string) => Promise<unknown>,
  done: string,
) {
  return defineCommand({
    meta: { name, description },
    args: { id, json },
    run: ({ args }) =>
      operate(async ({ app }) => {
        await work(acting(app), args.id)
        answer(args, { id: args.id, done: name }, `${args.id} ${done}`)
      }),
  })
}

const acting = (app: Acting['app']): Acting => ({ app, now: app.now(), origin, actor: 'shell' })

export const webhooksCommand = defineCommand({
  meta: { name: 'webhooks', description: 'Endpoints to which events are sent' },
  subCommands: {
    list,
    add,
    deliveries,
    rotate,
    replay,
    pause: act('pause', 'Let events wait', pauseWebhook, 'is sent nothing until it is resumed.'),
    resume: act('resume', 'Send what waits', resumeWebhook, 'is sent what waits.'),
    test: act('test', 'Send an event that means nothing', testWebhook, 'is sent a test.'),
    remove: act('remove', 'Send nothing there any more', deleteWebhook, 'is gone.'),
  },
})
