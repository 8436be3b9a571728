import type { ComponentChildren } from 'preact'
import { useId } from 'preact/hooks'

interface SectionProps {
  readonly title: string
  readonly lead: string
  readonly action?: ComponentChildren
  readonly children?: ComponentChildren
}

/** A part of a page with a heading, a sentence, and what one can do here. */
export function Section({ title, lead, action, children }: SectionProps) {
  const id = useId()
  return (
    <section class="stack" aria-labelledby={id}>
      <div class="page-head">
        <h2 id={id}>{title}</h2>
        {action}
        <p>{lead}</p>
      </div>
      {children}
    </section>
  )
}
