/** The statements of a migration; what a function of PostgreSQL or a trigger of SQLite does stays with it. */
export function statementsOf(script: string): string[] {
  const statements: string[] = []
  let open = ''
  for (const part of script.split(/;\s*$/m)) {
    open = open ? `${open};\n${part}` : part
    const quotes = open.split('$$').length - 1
    const isTrigger = /\bCREATE TRIGGER\b[\s\S]*\bBEGIN\b/.test(open) && !/\bEND\s*$/.test(open)
    if (quotes % 2 === 1 || isTrigger) continue
    statements.push(open)
    open = ''
  }
  return open ? [...statements, open] : statements
}
