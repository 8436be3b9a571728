import { say } from '../words.ts'
import { Copy } from './copy.tsx'

interface ShownSecretProps {
  readonly secret: string
  readonly onClose: () => void
}

/** The only time that a secret is there to be seen. */
export function ShownSecret({ secret, onClose }: ShownSecretProps) {
  return (
    <>
      <p>{say('secretOnce')}</p>
      <code class="secret">{secret}</code>
      <div class="row">
        <button type="button" class="button" onClick={onClose}>
          {say('stored')}
        </button>
        <Copy text={secret} />
      </div>
    </>
  )
}
