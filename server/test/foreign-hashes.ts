import { PASSWORD } from './freddy.ts'

/** The parameters that Firebase publishes an example with (github.com/firebase/scrypt). */
export const FIREBASE = {
  signerKey:
    'jxspr8Ki0RYycVU8zykbdLGjFQ3McFUH0uiiTvC8pVMXAn210wjLNmdZJzxUECKbm0QsEmYUSDzZvpjeJ9WmXA==',
  saltSeparator: 'Bw==',
  salt: '42xEC+ixf3L2lw==',
  hash: 'lSrfV15cpx95/sZS2W9c9Kp6i/LVgQNDNC/qzrCnh1SAyZvqmZqAjTdn3aoItz+VHjoZilo78198JAdRuid5lQ==',
  password: 'user1password',
} as const

const bare = (text: string) => text.replace(/=+$/, '')

export const firebaseHash = (salt: string, hash: string) =>
  `$firebase-scrypt$ln=14,r=8$${bare(joined(salt))}$${bare(FIREBASE.signerKey)}$${bare(hash)}`

/** Salt and separator, one after the other, as scrypt gets them. */
function joined(salt: string): string {
  const bytes = [salt, FIREBASE.saltSeparator].map((text) => Buffer.from(text, 'base64'))
  return Buffer.concat(bytes).toString('base64')
}

/**
 * What others made of PASSWORD: Python's hashlib for PBKDF2 and scrypt, bcrypt 5.0 and argon2-cffi 25.1 from PyPI,
 * and for Firebase hashlib with AES of cryptography 50.0, which makes the published example too.
 */
export const foreignHashes: Readonly<Record<string, string>> = {
  'bcrypt, 2b': '$2b$04$iID1B.4z0.T7qBRzTakHN.bADAUmO2B/RDkCvDpx/Kx5wdGbx7mJO',
  'bcrypt, 2a': '$2a$04$0TFNS.6KvmtjlZ67X0L5/OzO.BE53/i4KVIuALJlCe825O4LOZH1m',
  'bcrypt, 2y': '$2y$04$iID1B.4z0.T7qBRzTakHN.bADAUmO2B/RDkCvDpx/Kx5wdGbx7mJO',
  scrypt:
    '$scrypt$ln=10,r=8,p=1$c2l4dGVlbiBieXRlcyBvZg$ArGWcvGP+XfapxGtDJgm0k/9wQaXFd8yptsHRFh6sw0',
  'better-auth':
    '$better-auth$8f14e45fceea167a5a36dedd4bea2543:a3339d018daddb01c9bc229ed8a52422a04f31611ef17771e61893236b3310dd331b09e360a29fb5babcd5e323607c6b1f53b5de7d40573f3595f91918887ce6',
  'PBKDF2, SHA-1': '$pbkdf2-sha1$i=1000$c2l4dGVlbiBieXRlcyBvZg$Lik0aShxp/rKXDbZuiT9VnAESRU',
  'PBKDF2, SHA-256':
    '$pbkdf2-sha256$i=27500$c2l4dGVlbiBieXRlcyBvZg$fqXCleDY55pqlfWOKKOYtukjPNFxM5vKvceRaP7jMawKxDEJ6pn4gjnINFE3W0oincE0V6TITAvagID6036IBA',
  'PBKDF2, SHA-512':
    '$pbkdf2-sha512$i=1000$c2l4dGVlbiBieXRlcyBvZg$+A7yJ9fMgKnlW8ugB7AU0abxgdXoWNsbv+ktVZPwyAbw4+HGYfk6fhtvUHIDSbN4xMFwzzn7UKDgj+jk2aYaAg',
  argon2id:
    '$argon2id$v=19$m=1024,t=2,p=1$c2l4dGVlbiBieXRlcyBvZg$78lt6YK3eCTaGFzNRVg2bWWTWl2BHSO9N5GYNeREFBc',
  argon2i:
    '$argon2i$v=19$m=1024,t=2,p=1$c2l4dGVlbiBieXRlcyBvZg$T9yS0elRGcCg6sa66v4oI81/StiZcTPD4vpBmj7BoAM',
  argon2d:
    '$argon2d$v=19$m=1024,t=2,p=1$c2l4dGVlbiBieXRlcyBvZg$jrX2Dt3dnQjq6xBGg/QfIdPhyqFc2ulkUgd246mJ4ME',
  'argon2id of two lanes, before version 1.3':
    '$argon2id$v=16$m=1024,t=2,p=2$c2l4dGVlbiBieXRlcyBvZg$T44xnrbPDMRj2ZcnXjr9HRS9/I6NqOppzQJ1Ur4/kC8',
  Firebase: firebaseHash(
    FIREBASE.salt,
    '0MSeef4wYKv4y35WORq9U7xDS/7w8c93jpJPky4SQE0q4WUtAfb88FUYrutJFXjs9VvYAhZmm0OGm76S3HhXvg==',
  ),
}

export const aBcryptHash = foreignHashes['bcrypt, 2b'] ?? PASSWORD
