import { say } from '../words.ts'
import { Input } from './form.tsx'

/** The field for a code; what is pasted may hold spaces and dashes. */
export function CodeInput({ label = say('code') }: { readonly label?: string }) {
  return (
    <Input
      name="code"
      label={label}
      inputMode="numeric"
      autocomplete="one-time-code"
      maxLength={20}
    />
  )
}

export const digitsOf = (typed: string | undefined) => (typed ?? '').replace(/[\s-]/g, '')
