import type { TSchema } from 'typebox'
import {
  changeApiKey,
  createApiKey,
  DeletedAnswer,
  ListQuery,
  listApiKeys,
  revokeApiKey,
  showApiKey,
} from './account/api-keys.ts'
import { DeleteBody, DeletedPerson, deletePerson } from './account/delete.ts'
import { deriveApiKey } from './account/derive-key.ts'
import { DossierAnswer } from './account/dossier.ts'
import {
  beginEmailChange,
  EmailAnswer,
  EmailBody,
  VerifyEmailAnswer,
  VerifyEmailBody,
  verifyEmailChange,
} from './account/email.ts'
import { exportPerson } from './account/export.ts'
import {
  beginTotp,
  ConfirmTotpBody,
  confirmTotp,
  FactorsAnswer,
  NewTotpAnswer,
  RecoveryCodesAnswer,
  removeTotp,
  replaceRecoveryCodes,
  showFactors,
} from './account/factors.ts'
import { ApiKeyAnswer, ApiKeyList, ApiKeyParams, NewApiKeyAnswer } from './account/key-answer.ts'
import { ApiKeyBody, ChangedKeyBody, ChildBody } from './account/key-fields.ts'
import { pauseApiKey, resumeApiKey } from './account/key-pauses.ts'
import { OwnKeyAnswer, showOwnKey } from './account/own-key.ts'
import {
  beginPasskey,
  createPasskey,
  DeletedPasskey,
  PasskeyBody,
  PasskeyParams,
  removePasskey,
} from './account/passkeys.ts'
import { changeProfile, ProfileAnswer, ProfileBody, showProfile } from './account/profile.ts'
import {
  beginRaise,
  GrantAnswer,
  GrantBody,
  grantRaise,
  RaiseAnswer,
  RaiseBody,
} from './account/raise-budget.ts'
import { LeakAnswer, LeakBody, reportLeak } from './account/report-leak.ts'
import { RotateBody, RotatedAnswer, rotateApiKey } from './account/rotate-key.ts'
import {
  DeletedSession,
  DeletedSessions,
  DeviceList,
  endOtherSessions,
  endSession,
  listDevices,
  listSessions,
  SessionAnswer,
  SessionList,
  SessionParams,
  SessionQuery,
  showSession,
} from './account/sessions.ts'
import { explainCall, listCalls, showUsage } from './account/usage.ts'
import {
  CallsAnswer,
  CallsQuery,
  ExplainAnswer,
  ExplainParams,
  UsageAnswer,
  UsageQuery,
} from './account/usage-answers.ts'
import { checkUserName, UserNameAnswer, UserNameBody } from './account/user-name.ts'
import { EventList, EventQuery, listEvents } from './admin/audit.ts'
import {
  PersonBudgetAnswer,
  PersonBudgetBody,
  setPersonBudget,
  showPersonBudget,
} from './admin/budgets.ts'
import { listToldEvents, ToldEvents, ToldEventsQuery } from './admin/events.ts'
import { InvitationAnswer, InvitationBody, inviteUser } from './admin/invitations.ts'
import { listMails, MailAnswer, MailList, MailQuery, sendTestMail } from './admin/mails.ts'
import {
  PanicAnswer,
  PanicBody,
  PanicParams,
  panic,
  UndoneAnswer,
  undoManagedPanic,
} from './admin/panic.ts'
import { SettingsAnswer, SystemAnswer, showSettings, showSystem } from './admin/system.ts'
import {
  DeletedUserAnswer,
  deleteManagedUser,
  disableManagedUser,
  enableManagedUser,
  listUsers,
  ManagedUserAnswer,
  ManagedUserList,
  ManagedUserParams,
  ManagedUserQuery,
  SignedOutAnswer,
  showUser,
  signOutManagedUser,
} from './admin/users.ts'
import {
  DeliveryList,
  DeliveryParams,
  DeliveryQuery,
  listDeliveries,
  QueuedAnswer,
  ReplayBody,
  replayDelivery,
  replayWebhook,
  testWebhook,
} from './admin/webhook-deliveries.ts'
import {
  ChangedWebhookBody,
  changeWebhook,
  createWebhook,
  DeletedWebhook,
  deleteWebhook,
  listWebhooks,
  NewWebhookAnswer,
  RotateWebhookBody,
  rotateWebhook,
  showWebhook,
  WebhookAnswer,
  WebhookBody,
  WebhookList,
} from './admin/webhooks.ts'
import { beginPairing, PairAnswer, PairBody } from './auth/begin-pairing.ts'
import { ChangeAnswer, ChangeBody, changePassword } from './auth/change-password.ts'
import { CheckAnswer, CheckQuery, checkCredential } from './auth/check.ts'
import { finishPairing, PairedAnswer, PairedBody } from './auth/finish-pairing.ts'
import { ForgotAnswer, ForgotBody, forgotPassword } from './auth/forgot-password.ts'
import { IntrospectAnswer, IntrospectBody, introspect } from './auth/introspect.ts'
import { listRevocations, RevocationQuery } from './auth/list-revocations.ts'
import { LoginAnswer, LoginBody, login } from './auth/login.ts'
import { LogoutAnswer, LogoutBody, logout } from './auth/logout.ts'
import { CreationOptions, PasskeyAnswer } from './auth/passkey.ts'
import type { OperatorScope, Scope } from './auth/principal.ts'
import { RefreshAnswer, RefreshBody, refresh } from './auth/refresh.ts'
import { RegisterAnswer, RegisterBody, register } from './auth/register.ts'
import { ResendAnswer, ResendBody, resendEmail } from './auth/resend-email.ts'
import { ResetAnswer, ResetBody, resetPassword } from './auth/reset-password.ts'
import { RevocationsAnswer } from './auth/revocation-pages.ts'
import { ChallengeAnswer, ChallengeParams, showChallenge } from './auth/show-challenge.ts'
import { KeysAnswer, showKeys } from './auth/show-keys.ts'
import { ValidateAnswer, validate } from './auth/validate.ts'
import { VerifyAnswer, VerifyBody, verify } from './auth/verify.ts'
import type { Call } from './context.ts'
import type { ErrorCode } from './errors.ts'
import type { LimitName } from './limits.ts'
import { ChatAnswer, ChatBody, createChatCompletion } from './responses/create-chat-completion.ts'
import { createEmbedding, EmbeddingAnswer, EmbeddingBody } from './responses/create-embedding.ts'
import { createResponse, ResponseAnswer, ResponseBody } from './responses/create-response.ts'
import {
  cancelResponse,
  deleteResponse,
  KeptResponse,
  ResponseParams,
  showResponse,
} from './responses/kept-responses.ts'
import {
  listModels,
  ModelAnswer,
  ModelList,
  ModelParams,
  showModel,
} from './responses/list-models.ts'
import type { Soon } from './soon.ts'
import { WebhookParams } from './webhooks/endpoint.ts'

/**
 * Anybody, anybody with a credential, somebody with a session, an admin with one, a program with any
 * key, or also one whose key has the scope: beside it everybody signed in, beside one of the operator's an admin.
 */
export type Who = 'open' | 'authenticated' | 'signedIn' | 'admin' | 'anyKey' | Scope | OperatorScope

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE'
  readonly path: string
  readonly who: Who
  /** Counted by source where the route is open, else by who calls. Null: counted by the verb. */
  readonly limit: LimitName | null
  readonly verb: (call: Call) => Soon<unknown>
  readonly answer: TSchema
  readonly status: 200 | 201
  readonly body?: TSchema
  readonly params?: TSchema
  readonly query?: TSchema
  /** A request without a body is one with an empty object. */
  readonly bodyOptional?: true
  /** Also takes its body as a form, as its RFC says. */
  readonly form?: true
  /** Who asked it by a form is refused in the words of OAuth (RFC 6749, section 5.2). */
  readonly oauth?: true
  /** A gateway route takes large bodies and fields that are not ours. */
  readonly gateway?: true
  /** Its answer may go on for as long as its caller stays. */
  readonly streams?: true
  /** What it refuses with beside what every route of its kind does. */
  readonly refusals?: readonly ErrorCode[]
  readonly summary: string
}

type Verb<Body, Params, Query> = (call: Call<Body, Params, Query>) => Soon<unknown>
type Rest = Partial<Omit<Route, 'method' | 'path' | 'who' | 'limit' | 'verb' | 'answer'>>

function route<Body, Params, Query>(
  line: `${Route['method']} ${string}`,
  who: Who,
  limit: LimitName | null,
  verb: Verb<Body, Params, Query>,
  answer: TSchema,
  rest: Rest,
): Route {
  const [method, path = ''] = line.split(' ') as [Route['method'], string]
  // The schemas of the same row are what makes the body the one that the verb was written for.
  const checked = verb as Route['verb']
  return { method, path, who, limit, verb: checked, answer, status: 200, summary: '', ...rest }
}

const codeRefusals = ['INVALID_VERIFICATION_CODE', 'TOO_MANY_VERIFICATION_ATTEMPTS'] as const

const resend: Rest = {
  body: ResendBody,
  summary: 'Mail a code again, also after the old one has expired',
  refusals: [...codeRefusals, 'TOO_MANY_REQUESTS'],
}
const aboutUser = {
  params: ManagedUserParams,
  refusals: ['RESOURCE_NOT_FOUND', 'INSUFFICIENT_PERMISSIONS'],
} as const
const oneUser: Rest = { ...aboutUser, summary: 'One account' }
const disable: Rest = {
  ...aboutUser,
  refusals: [...aboutUser.refusals, 'OPERATION_NOT_ALLOWED'],
  summary: 'Sign somebody out everywhere and let them in no more',
}
const enable: Rest = { ...aboutUser, summary: 'Let somebody sign in again' }
const signOut: Rest = {
  ...aboutUser,
  summary: 'End every session of somebody, who may sign in again; their API keys go on',
}
const personBudget: Rest = {
  ...aboutUser,
  summary: 'What somebody may spend with all keys and sessions',
}
const setBudget: Rest = {
  ...aboutUser,
  body: PersonBudgetBody,
  summary: 'Say what somebody may spend; null: what USER_BUDGET says',
}
const invitation: Rest = {
  body: InvitationBody,
  status: 201,
  summary: 'Mail somebody an invitation to register; an older one is void',
  refusals: [
    'INSUFFICIENT_PERMISSIONS',
    'INVALID_EMAIL_FORMAT',
    'OPERATION_NOT_ALLOWED',
    'TOO_MANY_REQUESTS',
  ],
}
const remove: Rest = { ...disable, summary: 'Delete an account with all it holds' }
const user = '/v1/admin/users/:id'
const webhook = '/v1/admin/webhooks/:id'
const aboutWebhook = {
  params: WebhookParams,
  refusals: ['RESOURCE_NOT_FOUND', 'INSUFFICIENT_PERMISSIONS'],
} as const
const forgot: Rest = {
  body: ForgotBody,
  summary: 'Begin a password reset; a code and a link are mailed',
  refusals: ['INVALID_EMAIL_FORMAT'],
}
const fromModel = ['UPSTREAM_ERROR', 'UPSTREAM_TIMEOUT', 'MODEL_REFUSED'] as const
const asks: Rest = {
  gateway: true,
  refusals: [...fromModel, 'RESOURCE_NOT_FOUND', 'BUDGET_EXHAUSTED'],
}
const kept: Rest = { gateway: true, params: ResponseParams, refusals: fromModel }
const aboutKey = {
  params: ApiKeyParams,
  refusals: ['RESOURCE_NOT_FOUND', 'OPERATION_NOT_ALLOWED'],
} as const
const me: Rest = { summary: 'Who I am' }
const names: Rest = {
  body: ProfileBody,
  summary: 'Change my names',
  refusals: ['USERNAME_TAKEN'],
}

/** The table of contents: every route, who may call it, what limits it, what it does. */
export const routes: readonly Route[] = [
  route('POST /v1/auth/register', 'open', 'register-source', register, RegisterAnswer, {
    body: RegisterBody,
    status: 201,
    summary: 'Begin an account; a code is mailed',
    refusals: [
      'REGISTRATION_RESTRICTED',
      'USERNAME_TAKEN',
      'INVALID_EMAIL_FORMAT',
      'WEAK_PASSWORD',
    ],
  }),
  route('POST /v1/auth/login', 'open', null, login, LoginAnswer, {
    body: LoginBody,
    summary: 'Step one of signing in: the password; a code is mailed',
    refusals: [
      'INVALID_CREDENTIALS',
      'TOO_MANY_LOGIN_ATTEMPTS',
      'TOO_MANY_VERIFICATION_ATTEMPTS',
      'TOO_MANY_REQUESTS',
    ],
  }),
  route('POST /v1/auth/verify', 'open', 'verify-source', verify, VerifyAnswer, {
    body: VerifyBody,
    summary: 'Step two of signing in: the mailed code, or another method; answers tokens',
    refusals: [...codeRefusals, 'VERIFICATION_EXPIRED'],
  }),
  route('POST /v1/auth/resend-email', 'open', 'verify-source', resendEmail, ResendAnswer, resend),
  route('POST /v1/auth/resend-code', 'open', 'verify-source', resendEmail, ResendAnswer, resend),
  route(
    'GET /v1/auth/challenge/:email_key',
    'open',
    'verify-source',
    showChallenge,
    ChallengeAnswer,
    {
      params: ChallengeParams,
      summary: 'How the mail of a challenge fares',
      refusals: codeRefusals,
    },
  ),
  route('POST /v1/auth/device', 'open', 'pair-source', beginPairing, PairAnswer, {
    body: PairBody,
    form: true,
    oauth: true,
    summary: 'A device without a browser asks to be let in (RFC 8628)',
  }),
  route('POST /v1/auth/device/token', 'open', 'poll-source', finishPairing, PairedAnswer, {
    body: PairedBody,
    form: true,
    oauth: true,
    summary: 'Whether somebody let the device in; then answers tokens, once',
    refusals: [
      'AUTHORIZATION_PENDING',
      'SLOW_DOWN',
      'ACCESS_DENIED',
      'DEVICE_CODE_EXPIRED',
      'DEVICE_CODE_INVALID',
    ],
  }),
  route('POST /v1/auth/refresh', 'open', null, refresh, RefreshAnswer, {
    body: RefreshBody,
    summary: 'A new access token; a new refresh token when asked',
    refusals: ['TOKEN_INVALID', 'TOKEN_EXPIRED', 'TOO_MANY_REQUESTS'],
  }),
  route('POST /v1/auth/logout', 'signedIn', 'requests', logout, LogoutAnswer, {
    body: LogoutBody,
    bodyOptional: true,
    summary: 'End this session',
  }),
  route(
    'POST /v1/auth/password/reset',
    'open',
    'register-source',
    forgotPassword,
    ForgotAnswer,
    forgot,
  ),
  route(
    'POST /v1/auth/password/forgot',
    'open',
    'register-source',
    forgotPassword,
    ForgotAnswer,
    forgot,
  ),
  route(
    'POST /v1/auth/password/reset/verify',
    'open',
    'verify-source',
    resetPassword,
    ResetAnswer,
    {
      body: ResetBody,
      summary: 'A new password by the mailed code; ends every session and revokes API keys',
      refusals: [...codeRefusals, 'WEAK_PASSWORD'],
    },
  ),
  route('PUT /v1/auth/password/update', 'signedIn', 'requests', changePassword, ChangeAnswer, {
    body: ChangeBody,
    summary: 'Another password; all other sessions end',
    refusals: ['INVALID_CREDENTIALS', 'TOO_MANY_LOGIN_ATTEMPTS', 'WEAK_PASSWORD'],
  }),
  route('GET /v1/auth/validate', 'signedIn', 'requests', validate, ValidateAnswer, {
    summary: 'Whether this token is alive',
  }),
  route('GET /v1/auth/check', 'authenticated', 'check', checkCredential, CheckAnswer, {
    query: CheckQuery,
    summary: 'Who calls, for a reverse proxy; `scope` demands one',
  }),
  route(
    'POST /v1/auth/introspect',
    'tokens:introspect',
    'introspect',
    introspect,
    IntrospectAnswer,
    { body: IntrospectBody, form: true, summary: 'What a token or key is worth now (RFC 7662)' },
  ),
  route(
    'GET /v1/auth/revocations',
    'tokens:introspect',
    'introspect',
    listRevocations,
    RevocationsAnswer,
    {
      query: RevocationQuery,
      streams: true,
      summary:
        'Sessions and keys that ended, for who verifies offline; as they end where events are accepted',
      refusals: ['TOO_MANY_REQUESTS'],
    },
  ),
  route('GET /.well-known/jwks.json', 'open', 'jwks-source', showKeys, KeysAnswer, {
    summary: 'The public keys of access tokens (RFC 7517); none while JWT_ALG is HS256',
    refusals: ['RESOURCE_NOT_FOUND'],
  }),
  route('GET /v1/auth/sessions', 'signedIn', 'requests', listSessions, SessionList, {
    query: SessionQuery,
    summary: 'Where I am signed in, or was; newest first',
  }),
  route('DELETE /v1/auth/sessions', 'signedIn', 'requests', endOtherSessions, DeletedSessions, {
    summary: 'Sign out everywhere else',
  }),
  route('GET /v1/auth/sessions/:id', 'signedIn', 'requests', showSession, SessionAnswer, {
    params: SessionParams,
    summary: 'One session of mine, alive or over, and why it ended',
    refusals: ['RESOURCE_NOT_FOUND'],
  }),
  route('DELETE /v1/auth/sessions/:id', 'signedIn', 'requests', endSession, DeletedSession, {
    params: SessionParams,
    summary: 'End a session of mine',
    refusals: ['RESOURCE_NOT_FOUND'],
  }),

  route('GET /v1/user/me', 'account:read', 'requests', showProfile, ProfileAnswer, me),
  route('GET /v1/user/profile', 'account:read', 'requests', showProfile, ProfileAnswer, me),
  route('GET /v1/user/current', 'account:read', 'requests', showProfile, ProfileAnswer, me),
  route('PATCH /v1/user/me', 'signedIn', 'requests', changeProfile, ProfileAnswer, names),
  route('PATCH /v1/user/profile', 'signedIn', 'requests', changeProfile, ProfileAnswer, names),
  route('PATCH /v1/user/current', 'signedIn', 'requests', changeProfile, ProfileAnswer, names),
  route('DELETE /v1/user/me', 'signedIn', 'requests', deletePerson, DeletedPerson, {
    body: DeleteBody,
    summary: 'Delete my account, and everything that names me',
    refusals: ['INVALID_CREDENTIALS', 'TOO_MANY_LOGIN_ATTEMPTS', 'OPERATION_NOT_ALLOWED'],
  }),
  route('GET /v1/user/export', 'signedIn', 'export', exportPerson, DossierAnswer, {
    summary: 'Everything that is kept about me',
  }),
  route('POST /v1/user/email', 'signedIn', 'requests', beginEmailChange, EmailAnswer, {
    body: EmailBody,
    summary: 'Begin to move to another e-mail address; a code is mailed there',
    refusals: ['INVALID_CREDENTIALS', 'TOO_MANY_LOGIN_ATTEMPTS', 'INVALID_EMAIL_FORMAT'],
  }),
  route(
    'POST /v1/user/email/verify',
    'signedIn',
    'requests',
    verifyEmailChange,
    VerifyEmailAnswer,
    {
      body: VerifyEmailBody,
      summary: 'Move to the new address by its code; all other sessions end',
      refusals: codeRefusals,
    },
  ),
  route(
    'POST /v1/user/username/check-availability',
    'open',
    'username-check',
    checkUserName,
    UserNameAnswer,
    { body: UserNameBody, summary: 'Whether a user name is free' },
  ),
  route('GET /v1/user/devices', 'signedIn', 'requests', listDevices, DeviceList, {
    query: SessionQuery,
    summary: 'Where I am signed in, in fewer words',
  }),

  route('GET /v1/user/factors', 'signedIn', 'requests', showFactors, FactorsAnswer, {
    summary: 'My ways to pass the second step',
  }),
  route('POST /v1/user/factors/totp', 'signedIn', 'requests', beginTotp, NewTotpAnswer, {
    status: 201,
    summary: 'Begin to add an authenticator app; its secret is shown once',
    refusals: ['FACTOR_EXISTS'],
  }),
  route('POST /v1/user/factors/totp/confirm', 'signedIn', 'requests', confirmTotp, FactorsAnswer, {
    body: ConfirmTotpBody,
    summary: 'Add the authenticator app: the code that it shows now',
    refusals: ['RESOURCE_NOT_FOUND'],
  }),
  route('DELETE /v1/user/factors/totp', 'signedIn', 'requests', removeTotp, FactorsAnswer, {
    summary: 'Remove the authenticator app',
    refusals: ['RESOURCE_NOT_FOUND'],
  }),
  route(
    'POST /v1/user/factors/recovery-codes',
    'signedIn',
    'requests',
    replaceRecoveryCodes,
    RecoveryCodesAnswer,
    { status: 201, summary: 'Make ten recovery codes, shown once; older ones end' },
  ),
  route(
    'POST /v1/user/factors/passkeys/options',
    'signedIn',
    'requests',
    beginPasskey,
    CreationOptions,
    { summary: 'Begin to add a passkey: what the browser is to be given' },
  ),
  route('POST /v1/user/factors/passkeys', 'signedIn', 'requests', createPasskey, PasskeyAnswer, {
    body: PasskeyBody,
    status: 201,
    summary: 'Add a passkey: what the browser answered',
  }),
  route(
    'DELETE /v1/user/factors/passkeys/:id',
    'signedIn',
    'requests',
    removePasskey,
    DeletedPasskey,
    { params: PasskeyParams, summary: 'Remove a passkey', refusals: ['RESOURCE_NOT_FOUND'] },
  ),

  route('POST /v1/api-keys', 'signedIn', 'requests', createApiKey, NewApiKeyAnswer, {
    body: ApiKeyBody,
    status: 201,
    summary: 'Make an API key; its text is shown once',
  }),
  route('GET /v1/api-keys', 'signedIn', 'requests', listApiKeys, ApiKeyList, {
    query: ListQuery,
    summary: 'My API keys, newest first',
  }),
  route('GET /v1/api-keys/:id', 'signedIn', 'requests', showApiKey, ApiKeyAnswer, {
    params: ApiKeyParams,
    summary: 'One API key',
    refusals: ['RESOURCE_NOT_FOUND'],
  }),
  route('PATCH /v1/api-keys/:id', 'signedIn', 'requests', changeApiKey, ApiKeyAnswer, {
    ...aboutKey,
    body: ChangedKeyBody,
    summary: 'Change the name, labels, models, networks, limits or end of an API key',
  }),
  route('POST /v1/api-keys/:id/rotate', 'signedIn', 'requests', rotateApiKey, RotatedAnswer, {
    ...aboutKey,
    body: RotateBody,
    bodyOptional: true,
    summary: 'Give an API key another secret; the old one goes on for a while',
  }),
  route('POST /v1/api-keys/:id/pause', 'signedIn', 'requests', pauseApiKey, ApiKeyAnswer, {
    ...aboutKey,
    summary: 'Let an API key open nothing until it is resumed',
  }),
  route('POST /v1/api-keys/:id/resume', 'signedIn', 'requests', resumeApiKey, ApiKeyAnswer, {
    ...aboutKey,
    summary: 'Let an API key that I paused open again',
  }),
  route('DELETE /v1/api-keys/:id', 'signedIn', 'requests', revokeApiKey, DeletedAnswer, {
    params: ApiKeyParams,
    summary: 'Revoke an API key',
    refusals: ['RESOURCE_NOT_FOUND'],
  }),
  route('POST /v1/api-keys/children', 'keys:derive', 'requests', deriveApiKey, NewApiKeyAnswer, {
    body: ChildBody,
    status: 201,
    refusals: ['RESOURCE_NOT_FOUND', 'OPERATION_NOT_ALLOWED'],
    summary: 'Make a narrower key that ends within a day, with a key',
  }),
  route('POST /v1/api-keys/revoke', 'open', 'revoke-source', reportLeak, LeakAnswer, {
    body: LeakBody,
    summary: 'End a key that I hold, or leaked keys that I found; their owners are written to',
  }),
  route('GET /v1/api-key', 'anyKey', 'requests', showOwnKey, OwnKeyAnswer, {
    summary: 'The API key of this call: what it may do, and what is left of its limits',
  }),

  route('GET /v1/usage', 'usage:read', 'requests', showUsage, UsageAnswer, {
    query: UsageQuery,
    summary: 'What was used, and how far the limits are gone; a key sees its own',
  }),
  route('GET /v1/usage/requests', 'usage:read', 'requests', listCalls, CallsAnswer, {
    query: CallsQuery,
    summary: 'Calls of the gateway, newest first',
  }),
  route(
    'GET /v1/usage/requests/:id/explain',
    'usage:read',
    'requests',
    explainCall,
    ExplainAnswer,
    { params: ExplainParams, summary: 'What became of a call, and why' },
  ),

  route('POST /v1/usage/raise', 'signedIn', 'requests', beginRaise, RaiseAnswer, {
    body: RaiseBody,
    summary: 'Ask to raise a limit of my key for a day; a code is mailed',
    refusals: ['RESOURCE_NOT_FOUND'],
  }),
  route('POST /v1/usage/raise/verify', 'signedIn', 'requests', grantRaise, GrantAnswer, {
    body: GrantBody,
    summary: 'Raise it, by the mailed code',
    refusals: [...codeRefusals, 'OPERATION_NOT_ALLOWED'],
  }),

  route('GET /v1/admin/users', 'admin', 'requests', listUsers, ManagedUserList, {
    query: ManagedUserQuery,
    summary: 'Everybody with an account, oldest first',
    refusals: ['INSUFFICIENT_PERMISSIONS'],
  }),
  route(`GET ${user}`, 'admin', 'requests', showUser, ManagedUserAnswer, oneUser),
  route(
    `POST ${user}/disable`,
    'admin',
    'requests',
    disableManagedUser,
    ManagedUserAnswer,
    disable,
  ),
  route(`POST ${user}/enable`, 'admin', 'requests', enableManagedUser, ManagedUserAnswer, enable),
  route(`DELETE ${user}`, 'admin', 'requests', deleteManagedUser, DeletedUserAnswer, remove),
  route(
    `DELETE ${user}/sessions`,
    'admin',
    'requests',
    signOutManagedUser,
    SignedOutAnswer,
    signOut,
  ),
  route(
    `GET ${user}/budget`,
    'admin',
    'requests',
    showPersonBudget,
    PersonBudgetAnswer,
    personBudget,
  ),
  route(`PUT ${user}/budget`, 'admin', 'requests', setPersonBudget, PersonBudgetAnswer, setBudget),
  route(
    'POST /v1/admin/invitations',
    'admin',
    'requests',
    inviteUser,
    InvitationAnswer,
    invitation,
  ),
  route('POST /v1/admin/panic', 'admin', 'requests', panic, PanicAnswer, {
    body: PanicBody,
    summary: 'What a panic would end; with its `confirm`, end it',
    refusals: ['INSUFFICIENT_PERMISSIONS', 'OPERATION_NOT_ALLOWED', 'RESOURCE_NOT_FOUND'],
  }),
  route('POST /v1/admin/panic/:id/undo', 'admin', 'requests', undoManagedPanic, UndoneAnswer, {
    params: PanicParams,
    summary: 'Undo a panic within ten minutes',
    refusals: ['INSUFFICIENT_PERMISSIONS', 'OPERATION_NOT_ALLOWED', 'RESOURCE_NOT_FOUND'],
  }),

  route('GET /v1/admin/mails', 'admin', 'requests', listMails, MailList, {
    query: MailQuery,
    summary: 'The mails of the last days, newest first, and how each fares',
    refusals: ['INSUFFICIENT_PERMISSIONS'],
  }),
  route('POST /v1/admin/mails/test', 'admin', 'requests', sendTestMail, MailAnswer, {
    status: 201,
    summary: 'Mail me, to see whether mails arrive',
    refusals: ['INSUFFICIENT_PERMISSIONS', 'TOO_MANY_REQUESTS'],
  }),
  route('GET /v1/admin/audit', 'admin', 'requests', listEvents, EventList, {
    query: EventQuery,
    summary: 'The trail of decisions, newest first',
    refusals: ['INSUFFICIENT_PERMISSIONS'],
  }),
  route('GET /v1/admin/events', 'events:read', 'requests', listToldEvents, ToldEvents, {
    query: ToldEventsQuery,
    summary: 'What happened, oldest first: for programs that catch up',
    refusals: ['INSUFFICIENT_PERMISSIONS', 'RESOURCE_NOT_FOUND'],
  }),
  route('GET /v1/admin/webhooks', 'admin', 'requests', listWebhooks, WebhookList, {
    summary: 'Endpoints to which events are sent',
    refusals: ['INSUFFICIENT_PERMISSIONS'],
  }),
  route('POST /v1/admin/webhooks', 'admin', 'requests', createWebhook, NewWebhookAnswer, {
    body: WebhookBody,
    status: 201,
    summary: 'Send events to an address; its secret is shown this once',
    refusals: ['INSUFFICIENT_PERMISSIONS', 'OPERATION_NOT_ALLOWED'],
  }),
  route(`GET ${webhook}`, 'admin', 'requests', showWebhook, WebhookAnswer, {
    ...aboutWebhook,
    summary: 'One endpoint',
  }),
  route(`PATCH ${webhook}`, 'admin', 'requests', changeWebhook, WebhookAnswer, {
    ...aboutWebhook,
    body: ChangedWebhookBody,
    summary: 'Change where events are sent, and which; pause and resume',
  }),
  route(`DELETE ${webhook}`, 'admin', 'requests', deleteWebhook, DeletedWebhook, {
    ...aboutWebhook,
    summary: 'Send nothing there any more',
  }),
  route(`POST ${webhook}/rotate`, 'admin', 'requests', rotateWebhook, NewWebhookAnswer, {
    ...aboutWebhook,
    body: RotateWebhookBody,
    bodyOptional: true,
    summary: 'Another secret; both sign for a while',
    refusals: [...aboutWebhook.refusals, 'OPERATION_NOT_ALLOWED'],
  }),
  route(`POST ${webhook}/test`, 'admin', 'requests', testWebhook, QueuedAnswer, {
    ...aboutWebhook,
    status: 201,
    summary: 'Send an event that means nothing',
  }),
  route(`POST ${webhook}/replay`, 'admin', 'requests', replayWebhook, QueuedAnswer, {
    ...aboutWebhook,
    body: ReplayBody,
    summary: 'Send all that happened since then once more',
  }),
  route(`GET ${webhook}/deliveries`, 'admin', 'requests', listDeliveries, DeliveryList, {
    ...aboutWebhook,
    query: DeliveryQuery,
    summary: 'What was sent there, and waits to be; newest first',
  }),
  route(
    `POST ${webhook}/deliveries/:event/replay`,
    'admin',
    'requests',
    replayDelivery,
    QueuedAnswer,
    { ...aboutWebhook, params: DeliveryParams, summary: 'Send one event once more' },
  ),
  route('GET /v1/admin/settings', 'admin', 'requests', showSettings, SettingsAnswer, {
    summary: 'Settings, limits and budgets as they are in force',
    refusals: ['INSUFFICIENT_PERMISSIONS'],
  }),
  route('GET /v1/admin/system', 'admin', 'requests', showSystem, SystemAnswer, {
    summary: 'How the server fares',
    refusals: ['INSUFFICIENT_PERMISSIONS'],
  }),

  route('POST /v1/responses', 'responses', 'requests', createResponse, ResponseAnswer, {
    ...asks,
    body: ResponseBody,
    gateway: true,
    summary: 'Ask a model, by messages or input; `stream: true` answers events',
  }),
  route('POST /v1/model/response', 'responses', 'requests', createResponse, ResponseAnswer, {
    ...asks,
    body: ResponseBody,
    summary: 'Ask a model, by inputs',
  }),
  route('GET /v1/responses/:id', 'responses', 'requests', showResponse, KeptResponse, {
    ...kept,
    summary: 'A response of mine that its model server keeps',
  }),
  route('DELETE /v1/responses/:id', 'responses', 'requests', deleteResponse, KeptResponse, {
    ...kept,
    summary: 'Have the model server forget a response of mine',
  }),
  route('POST /v1/responses/:id/cancel', 'responses', 'requests', cancelResponse, KeptResponse, {
    ...kept,
    summary: 'Stop a response of mine that runs in the background',
  }),
  route('POST /v1/chat/completions', 'responses', 'requests', createChatCompletion, ChatAnswer, {
    ...asks,
    body: ChatBody,
    summary: 'Ask a model in the shape of chat completions',
  }),
  route('POST /v1/embeddings', 'responses', 'requests', createEmbedding, EmbeddingAnswer, {
    ...asks,
    body: EmbeddingBody,
    summary: 'Vectors of texts',
  }),
  route('GET /v1/models', 'models', 'requests', listModels, ModelList, {
    summary: 'The models that answer here',
  }),
  route('GET /v1/models/:id', 'models', 'requests', showModel, ModelAnswer, {
    params: ModelParams,
    summary: 'One model',
  }),
]
