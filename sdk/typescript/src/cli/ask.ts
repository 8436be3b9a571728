import { defineCommand } from 'citty'
import type { FreddyAuth } from '../freddy-auth.ts'
import { openPlace } from './place.ts'
import { readInput } from './questions.ts'
import { answer, Complaint, common, run, WrongWords, waiting } from './shell.ts'

export const askCommand = defineCommand({
  meta: { name: 'ask', description: 'Ask a model; the answer is printed as it comes' },
  args: {
    question: { type: 'positional', description: 'Absent: standard input', required: false },
    model: { type: 'string', description: 'Absent: the first that answers here (FREDDY_MODEL)' },
    ...common,
  },
  run: ({ args }) =>
    run(args, async () => {
      const question = args.question ?? (process.stdin.isTTY ? '' : await readInput())
      if (!question) throw new WrongWords('Ask something: freddy ask "…"')
      const { auth } = await openPlace(args)
      const model = args.model || process.env.FREDDY_MODEL || (await firstModel(auth))
      const messages = [{ role: 'user', content: question }]
      if (!args.json) return print(auth, model, messages)
      const whole = auth.createResponse(model, messages)
      answer(args, await waiting(() => `${model} answers`, whole))
    }),
})

async function print(
  auth: FreddyAuth,
  model: string,
  messages: { role: string; content: string }[],
): Promise<void> {
  let ends = true
  try {
    for await (const event of auth.createResponse(model, messages, { stream: true })) {
      if (event.type !== 'response.output_text.delta' || !event.delta) continue
      process.stdout.write(event.delta)
      ends = event.delta.endsWith('\n')
    }
  } finally {
    if (!ends) process.stdout.write('\n')
  }
}

async function firstModel(auth: FreddyAuth): Promise<string> {
  const { data } = await auth.models()
  const [first] = data
  if (!first) throw new Complaint('No model answers here. Name one: --model')
  return first.id
}
