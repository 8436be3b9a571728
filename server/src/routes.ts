import type { TSchema } from 'typebox'
import {
  ApiKeyAnswer,
  ApiKeyBody,
  ApiKeyList,
  ApiKeyParams,
  createApiKey,
  DeletedAnswer,
  ListQuery,
  listApiKeys,
  NewApiKeyAnswer,
  revokeApiKey,
  showApiKey,
} from './account/api-keys.ts'
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
import {
  beginPasskey,
  createPasskey,
  DeletedPasskey,
  PasskeyBody,
  PasskeyParams,
  removePasskey,
} from './account/passkeys.ts'
import { ProfileAnswer, showProfile } from './account/profile.ts'
import { checkUserName, UserNameAnswer, UserNameBody } from './account/user-name.ts'
import { LoginAnswer, LoginBody, login } from './auth/login.ts'
import { LogoutAnswer, LogoutBody, logout } from './auth/logout.ts'
import { CreationOptions, PasskeyAnswer } from './auth/passkey.ts'
import type { Scope } from './auth/principal.ts'
import { RefreshAnswer, RefreshBody, refresh } from './auth/refresh.ts'
import { RegisterAnswer, RegisterBody, register } from './auth/register.ts'
import { ResendAnswer, ResendBody, resendEmail } from './auth/resend-email.ts'
import { ChallengeAnswer, ChallengeParams, showChallenge } from './auth/show-challenge.ts'
import { ValidateAnswer, validate } from './auth/validate.ts'
import { VerifyAnswer, VerifyBody, verify } from './auth/verify.ts'
import type { Call } from './context.ts'
import type { ErrorCode } from './errors.ts'
import type { LimitName } from './limits.ts'
import { createResponse, ResponseAnswer, ResponseBody } from './responses/create-response.ts'
import { listModels, ModelList } from './responses/list-models.ts'

/** Anybody, somebody with a session, or also a program whose API key has the scope. */
export type Who = 'open' | 'signedIn' | Scope

export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE'
  readonly path: string
  readonly who: Who
  /** Counted by source where the route is open, else by who calls. Null: counted by the verb. */
  readonly limit: LimitName | null
  readonly verb: (call: Call) => Promise<unknown>
  readonly answer: TSchema
  readonly status: 200 | 201
  readonly body?: TSchema
  readonly params?: TSchema
  readonly query?: TSchema
  /** A request without a body is one with an empty object. */
  readonly bodyOptional?: true
  /** A gateway route takes large bodies and fields that are not ours. */
  readonly gateway?: true
  /** What it refuses with beside what every route of its kind does. */
  readonly refusals?: readonly ErrorCode[]
  readonly summary: string
}

type Verb<Body, Params, Query> = (call: Call<Body, Params, Query>) => Promise<unknown>
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
const me: Rest = { summary: 'Who I am' }

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
  route('GET /v1/auth/validate', 'signedIn', 'requests', validate, ValidateAnswer, {
    summary: 'Whether this token is alive',
  }),

  route('GET /v1/user/me', 'account:read', 'requests', showProfile, ProfileAnswer, me),
  route('GET /v1/user/profile', 'account:read', 'requests', showProfile, ProfileAnswer, me),
  route('GET /v1/user/current', 'account:read', 'requests', showProfile, ProfileAnswer, me),
  route(
    'POST /v1/user/username/check-availability',
    'open',
    'username-check',
    checkUserName,
    UserNameAnswer,
    { body: UserNameBody, summary: 'Whether a user name is free' },
  ),

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
  route('DELETE /v1/api-keys/:id', 'signedIn', 'requests', revokeApiKey, DeletedAnswer, {
    params: ApiKeyParams,
    summary: 'Revoke an API key',
    refusals: ['RESOURCE_NOT_FOUND'],
  }),

  route('POST /v1/responses', 'responses', 'requests', createResponse, ResponseAnswer, {
    body: ResponseBody,
    gateway: true,
    summary: 'Ask a model',
  }),
  route('GET /v1/models', 'models', 'requests', listModels, ModelList, {
    summary: 'The models that answer here',
  }),
]
