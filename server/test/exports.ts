import { FIREBASE, foreignHashes } from './foreign-hashes.ts'

const hashOf = (name: string) => foreignHashes[name] ?? name
const bcrypt = hashOf('bcrypt, 2b')
const lines = (rows: readonly unknown[]) => rows.map((row) => JSON.stringify(row)).join('\n')

/** `salt` and `value` of a PHC text, as Keycloak keeps them. */
function halves(name: string) {
  const [salt = '', value = ''] = hashOf(name).split('$').slice(-2)
  const padded = (text: string) => text.padEnd(Math.ceil(text.length / 4) * 4, '=')
  return JSON.stringify({ value: padded(value), salt: padded(salt), additionalParameters: {} })
}

function keycloakUser(
  username: string,
  algorithm: string,
  hash: string,
  rounds: number,
  more = {},
) {
  return {
    id: '2ba6e2b8-9a4e-4a21-a5f6-3a4d5f6c7b8e',
    username,
    firstName: 'Some',
    lastName: 'Body',
    email: `${username}@example.com`,
    emailVerified: true,
    createdTimestamp: 1_700_000_000_000,
    enabled: true,
    totp: false,
    credentials: [
      {
        type: 'password',
        secretData: halves(hash),
        credentialData: JSON.stringify({
          hashIterations: rounds,
          algorithm,
          additionalParameters: more,
        }),
      },
      { type: 'otp', secretData: '{}', credentialData: '{}' },
    ],
    requiredActions: [],
    realmRoles: ['default-roles-x'],
  }
}

const argon2Parameters = {
  hashLength: ['32'],
  memory: ['1024'],
  type: ['id'],
  version: ['1.3'],
  parallelism: ['1'],
}

const [salt = '', key = ''] = hashOf('better-auth').replace('$better-auth$', '').split(':')

/** An export of each kind, laid out as its server writes it; everybody in it has PASSWORD. */
export const exports_: Readonly<
  Record<string, { text: string; people: readonly string[]; hashes: number }>
> = {
  auth0: {
    people: ['ann', 'bea'],
    hashes: 2,
    text: lines([
      {
        _id: { $oid: '5dea9f9c82dd7c0e76e4ec93' },
        email_verified: false,
        email: 'ann@example.com',
        passwordHash: bcrypt,
        password_set_date: { $date: '2019-12-06T18:36:12.412Z' },
        tenant: 'some-tenant',
        connection: 'Username-Password-Authentication',
        _tmp_is_unique: true,
      },
      {
        _id: { $oid: '5dea9f9c82dd7c0e76e4ec94' },
        passwordHash: bcrypt,
        identifiers: [{ type: 'email', value: 'bea@example.com', verified: true }],
      },
    ]),
  },
  firebase: {
    people: ['fay', 'flo'],
    hashes: 1,
    text: JSON.stringify(
      {
        users: [
          {
            localId: 'a1',
            email: 'fay@example.com',
            emailVerified: true,
            passwordHash:
              '0MSeef4wYKv4y35WORq9U7xDS/7w8c93jpJPky4SQE0q4WUtAfb88FUYrutJFXjs9VvYAhZmm0OGm76S3HhXvg==',
            salt: FIREBASE.salt,
            displayName: 'Fay, "the" {brace}',
            lastSignedInAt: '1700000000000',
            createdAt: '1600000000000',
            disabled: false,
            providerUserInfo: [],
          },
          {
            localId: 'a2',
            email: 'flo@example.com',
            createdAt: '1600000000000',
            providerUserInfo: [{ providerId: 'google.com', rawId: '1', email: 'flo@example.com' }],
          },
        ],
      },
      null,
      2,
    ),
  },
  'firebase, as a table': {
    people: ['fran'],
    hashes: 1,
    text: `a3,fran@example.com,true,0MSeef4wYKv4y35WORq9U7xDS/7w8c93jpJPky4SQE0q4WUtAfb88FUYrutJFXjs9VvYAhZmm0OGm76S3HhXvg==,${FIREBASE.salt},"Fran "the" first, and last",${','.repeat(17)}1600000000000,1600000000000,,false,,\n`,
  },
  supabase: {
    people: ['sue', 'sid'],
    hashes: 2,
    text: [
      `instance_id,id,aud,role,email,encrypted_password,email_confirmed_at,invited_at,confirmation_token,confirmation_sent_at,recovery_token,recovery_sent_at,email_change_token_new,email_change,email_change_sent_at,last_sign_in_at,raw_app_meta_data,raw_user_meta_data,is_super_admin,created_at,updated_at,phone,phone_confirmed_at,phone_change,phone_change_token,phone_change_sent_at,confirmed_at,email_change_token_current,email_change_confirm_status,banned_until,reauthentication_token,reauthentication_sent_at,is_sso_user,deleted_at,is_anonymous`,
      `0,1,authenticated,authenticated,sue@example.com,${hashOf('bcrypt, 2a')},2024-01-02 03:04:05.678+00,,,,,,,,,,"{""provider"": ""email"", ""providers"": [""email""]}","{""full_name"": ""Sue, Supabase""}",,2024-01-02 03:04:05.678+00,,,,,,,,,,,,,f,,f`,
      `0,2,authenticated,authenticated,sid@example.com,${hashOf('bcrypt, 2a')},NULL,,,,,,,,,,"{""provider"": ""email"", ""providers"": [""email""]}","{""note"": ""two`,
      ` lines""}",,2024-01-02 03:04:05+00,,,,,,,,,,2020-01-01 00:00:00+00,,,f,,f`,
      `0,3,authenticated,authenticated,gone@example.com,${hashOf('bcrypt, 2a')},,,,,,,,,,,"{""provider"": ""email"", ""providers"": [""email""]}",,,2024-01-02 03:04:05+00,,,,,,,,,,,,,f,2024-02-02 03:04:05+00,f`,
    ].join('\r\n'),
  },
  clerk: {
    people: ['cat', 'cy'],
    hashes: 2,
    text: [
      'id,first_name,last_name,username,primary_email_address,primary_phone_number,verified_email_addresses,unverified_email_addresses,verified_phone_numbers,unverified_phone_numbers,totp_secret,password_digest,password_hasher',
      `user_1,Cat,Clerk,Cat-1,cat@example.com,,cat@example.com|other@example.com,,,,,${bcrypt},bcrypt`,
      'user_2,Cy,,,cy@example.com,,,cy@example.com,,,,pbkdf2_sha256$1000$c2l4dGVlbiBieXRlcyBvZg==$3X7MNGR5HzROcudxZTDNPYqK/1EyYOVXsgjiaQSO2I4=,pbkdf2_sha256',
    ].join('\n'),
  },
  'better-auth': {
    people: ['bo', 'bud'],
    hashes: 1,
    text: JSON.stringify({
      account: [
        { id: 'x', userId: 'u2', providerId: 'github', password: null },
        { id: 'y', userId: 'u1', providerId: 'credential', password: `${salt}:${key}` },
      ],
      user: [
        {
          id: 'u1',
          name: 'Bo',
          email: 'bo@example.com',
          emailVerified: true,
          createdAt: '2024-01-02T03:04:05.678Z',
        },
        {
          id: 'u2',
          name: 'Bud',
          email: 'bud@example.com',
          emailVerified: 0,
          createdAt: 1_700_000_000,
        },
      ],
      session: [{ id: 's', token: 'x' }],
    }),
  },
  keycloak: {
    people: ['kai', 'kim', 'ken', 'kat'],
    hashes: 4,
    text: JSON.stringify(
      {
        id: '1c0d',
        realm: 'users',
        requiredCredentials: ['password'],
        roles: { realm: [{ name: 'x', attributes: {} }] },
        users: [
          keycloakUser('kai', 'pbkdf2-sha256', 'PBKDF2, SHA-256', 27_500),
          keycloakUser('kim', 'pbkdf2-sha512', 'PBKDF2, SHA-512', 1000),
          keycloakUser('ken', 'pbkdf2', 'PBKDF2, SHA-1', 1000),
          keycloakUser('kat', 'argon2', 'argon2id', 2, argon2Parameters),
          { username: 'service-account-x', serviceAccountClientId: 'x', enabled: true },
        ],
        clients: [{ clientId: 'x', users: [{ email: 'nobody@example.com' }] }],
      },
      null,
      2,
    ),
  },
  csv: {
    people: ['liv', 'lou', 'lea'],
    hashes: 3,
    text: [
      '\ufeffemail;username;full_name;password_hash;email_verified;disabled;created_at',
      `liv@example.com;liv;Liv;${hashOf('argon2i')};t;;2020-02-03`,
      `Lou@EXAMPLE.com;;"Lou; last";${hashOf('scrypt')};true;false;`,
      '',
      'lea@example.com;lea;;pbkdf2_sha256$1000$plainsalt$iSc7F72vdikkhdvJJdAN4PqG5dMSSwPdYyRZ27csuog=;0;no;1600000000',
    ].join('\n'),
  },
  json: {
    people: ['jan', 'jo'],
    hashes: 2,
    text: JSON.stringify([
      { email: 'jan@example.com', password_hash: hashOf('bcrypt, 2y'), email_verified: true },
      {
        email: 'jo@example.com',
        password_hash:
          '$pbkdf2-sha256$1000$........c2FsdA$3rccxr2o2Kcu/xXDOTaVE469qv2RcuwWwjoMpDmDffk',
      },
    ]),
  },
}
