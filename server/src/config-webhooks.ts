import { knob, whole } from './config-values.ts'

/** What the settings of events come to: a part of the configuration. */
export interface WebhookConfig {
  readonly eventDays: number
}

/** The settings of events: a part of the table in config.ts. */
export const webhookKnobs = {
  EVENT_DAYS: knob(
    '3 to 365',
    '30',
    'How long events are kept for programs that catch up (docs/webhooks.md).',
    whole(3, 365),
  ),
}
