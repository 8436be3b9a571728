/** Of servers that live for a minute on 127.0.0.1. */
export const SECRET = 'P1sVnq0cQk3Zr7uYw2Xt5Bd8Gf6Hj4Lm9No0TeRaIuEy'
export const PASSWORD = 'correct horse battery staple'
