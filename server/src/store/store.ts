import { type AllowanceStore, createAllowanceStore } from './allowances.ts'
import { type ApiKeyStore, createApiKeyStore } from './api-keys.ts'
import { type ArrivalStore, createArrivalStore } from './arrivals.ts'
import { type AuditStore, createAuditStore } from './audit.ts'
import { type BackupStore, createBackupStore } from './backup.ts'
import { type BudgetStore, createBudgetStore } from './budgets.ts'
import { type ChallengeStore, createChallengeStore } from './challenges.ts'
import { type ChangeStore, createChangeStore } from './changes.ts'
import type { Database } from './database.ts'
import { createDeliveryStore, type DeliveryStore } from './deliveries.ts'
import { createDossierStore, type DossierStore } from './dossier.ts'
import { createEmailChangeStore, type EmailChangeStore } from './email-changes.ts'
import { createEventStore, type EventStore } from './events.ts'
import { createFactorStore, type FactorStore } from './factors.ts'
import { followed } from './followed.ts'
import { createInspectionStore, type InspectionStore } from './inspection.ts'
import { createInvitationStore, type InvitationStore } from './invitations.ts'
import { createKeyReminderStore, type KeyReminderStore } from './key-reminders.ts'
import { createKeyUseStore, type KeyUseStore } from './key-uses.ts'
import { createLedgerStore, type LedgerStore } from './ledger.ts'
import { createLinkStore, type LinkStore } from './links.ts'
import { createLoginTryStore, type LoginTryStore } from './login-tries.ts'
import { createMailStopStore, type MailStopStore } from './mail-stops.ts'
import { createOutboxStore, type OutboxStore } from './outbox.ts'
import { createPairingStore, type PairingStore } from './pairings.ts'
import { createPanicStore, type PanicStore } from './panics.ts'
import { createPasskeyStore, type PasskeyStore } from './passkeys.ts'
import { createRaiseStore, type RaiseStore } from './raises.ts'
import { createRecoveryStore, type RecoveryStore } from './recovery.ts'
import { createRevocationStore, type RevocationStore } from './revocations.ts'
import { createRosterStore, type RosterStore } from './roster.ts'
import { createSessionStore, type SessionStore } from './sessions.ts'
import { createSettingStore, type SettingStore } from './settings.ts'
import { createSigningKeyStore, type SigningKeyStore } from './signing-keys.ts'
import { createSweepStore, type SweepStore } from './sweep.ts'
import { createUsageStore, type UsageStore } from './usage.ts'
import { createUserStore, type UserStore } from './users.ts'
import { createWebhookStore, type WebhookStore } from './webhooks.ts'

/** What we remember, in intentions. Its verbs: create, find, list, then the domain's own. */
export interface Store {
  readonly users: UserStore
  readonly roster: RosterStore
  readonly loginTries: LoginTryStore
  readonly challenges: ChallengeStore
  readonly sessions: SessionStore
  readonly pairings: PairingStore
  readonly factors: FactorStore
  readonly passkeys: PasskeyStore
  readonly apiKeys: ApiKeyStore
  readonly keyUses: KeyUseStore
  readonly keyReminders: KeyReminderStore
  readonly links: LinkStore
  readonly recovery: RecoveryStore
  readonly emailChanges: EmailChangeStore
  readonly events: EventStore
  readonly webhooks: WebhookStore
  readonly deliveries: DeliveryStore
  readonly budgets: BudgetStore
  readonly dossiers: DossierStore
  readonly ledger: LedgerStore
  readonly usage: UsageStore
  readonly allowances: AllowanceStore
  readonly raises: RaiseStore
  readonly mailStops: MailStopStore
  readonly outbox: OutboxStore
  readonly audit: AuditStore
  readonly settings: SettingStore
  readonly sweep: SweepStore
  readonly backup: BackupStore
  readonly inspection: InspectionStore
  readonly invitations: InvitationStore
  readonly arrivals: ArrivalStore
  readonly panics: PanicStore
  readonly signingKeys: SigningKeyStore
  readonly revocations: RevocationStore
  readonly changes: ChangeStore
}

export function createStore(plain: Database): Store {
  const database = followed(plain)
  return {
    users: createUserStore(database),
    roster: createRosterStore(database),
    loginTries: createLoginTryStore(database),
    challenges: createChallengeStore(database),
    sessions: createSessionStore(database),
    pairings: createPairingStore(database),
    factors: createFactorStore(database),
    passkeys: createPasskeyStore(database),
    apiKeys: createApiKeyStore(database),
    keyUses: createKeyUseStore(database),
    keyReminders: createKeyReminderStore(database),
    links: createLinkStore(database),
    recovery: createRecoveryStore(database),
    emailChanges: createEmailChangeStore(database),
    events: createEventStore(database),
    webhooks: createWebhookStore(database),
    deliveries: createDeliveryStore(database),
    budgets: createBudgetStore(database),
    dossiers: createDossierStore(database),
    ledger: createLedgerStore(database),
    usage: createUsageStore(database),
    allowances: createAllowanceStore(database),
    raises: createRaiseStore(database),
    mailStops: createMailStopStore(database),
    outbox: createOutboxStore(database),
    audit: createAuditStore(database),
    settings: createSettingStore(database),
    sweep: createSweepStore(database),
    backup: createBackupStore(database),
    inspection: createInspectionStore(database),
    invitations: createInvitationStore(database),
    arrivals: createArrivalStore(database),
    panics: createPanicStore(database),
    signingKeys: createSigningKeyStore(database),
    revocations: createRevocationStore(database),
    changes: createChangeStore(database),
  }
}
