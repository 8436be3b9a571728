import { knob, networks, whole } from './config-values.ts'

/** What the settings of events come to: a part of the configuration. */
export interface WebhookConfig {
  readonly eventDays: number
  readonly webhookAllow: readonly string[]
}

/** The settings of events: a part of the table in config.ts. */
export const webhookKnobs = {
  EVENT_DAYS: knob(
    '3 to 365',
    '30',
    'How long events are kept for programs that catch up (docs/webhooks.md).',
    whole(3, 365),
  ),
  WEBHOOK_ALLOW: knob(
    'CIDRs with commas between',
    '',
    'Private networks in which endpoints of webhooks may stand; there also without TLS.',
    networks,
  ),
}
