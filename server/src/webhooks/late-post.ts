import type { Post } from './post.ts'

/** Loaded by the first event that is sent: a server without endpoints never needs it. */
export function latePost(allowed: readonly string[]): Post {
  let post: Promise<Post> | undefined
  return {
    async send(...letter) {
      post ??= import('./post.ts').then(({ createPost }) => createPost(allowed))
      return (await post).send(...letter)
    },
    async close() {
      await (await post)?.close()
    },
  }
}
