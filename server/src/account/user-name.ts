import { type Static, Type } from 'typebox'
import { parseUserName } from '../auth/user-name.ts'
import type { Call } from '../context.ts'
import { strict, tolerated } from '../wire/body.ts'

export const UserNameBody = Type.Object(
  { username: Type.String({ minLength: 1, maxLength: 100 }), ...tolerated },
  strict,
)

export const UserNameAnswer = Type.Object({
  available: Type.Boolean(),
  username: Type.String(),
  message: Type.String(),
})

/** Whether a user name is still free. */
export async function checkUserName(
  call: Call<Static<typeof UserNameBody>>,
): Promise<Static<typeof UserNameAnswer>> {
  const { app, body } = call
  const name = parseUserName(body.username)
  const say = (available: boolean, message: string) => ({
    available,
    username: body.username,
    message,
  })
  if (!name) return say(false, 'Not a user name, or a reserved one')
  if (await app.store.users.findByUserName(name)) return say(false, 'This user name is taken')
  return say(true, 'This user name is free')
}
