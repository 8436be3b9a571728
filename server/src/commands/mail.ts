import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { defineCommand } from 'citty'
import Handlebars from 'handlebars'
import { lettersOf } from '../assemble.ts'
import { ConfigError, readConfig } from '../config.ts'
import { letterExamples } from '../mail/letter-examples.ts'
import type { LetterTexts, Words } from '../mail/letter-texts.ts'
import { type LetterName, letters } from '../mail/letters.ts'
import { fail } from '../main.ts'
import { say } from './shell.ts'

interface Sample extends Words {
  readonly letter: LetterName
  readonly language: string
  /** Where its HTML lies in the folder of a preview. */
  readonly file: string
}

const previewCommand = defineCommand({
  meta: { name: 'preview', description: 'Shows letters as they are sent, with example data' },
  args: {
    letter: { type: 'positional', description: 'Its name; all when empty', required: false },
    language: { type: 'string', description: 'Two letters; every language when empty' },
    out: { type: 'string', description: 'A folder for text and HTML, with a page that shows all' },
  },
  run({ args }) {
    try {
      const samples = sampleLetters(lettersOf(readConfig()), args.letter, args.language)
      if (args.out) writeSamples(args.out, samples)
      else for (const sample of samples) say(asText(sample))
    } catch (cause) {
      fail(cause, 'That did not work.')
    }
  },
})

export const mailCommand = defineCommand({
  meta: { name: 'mail', description: 'The letters that go out' },
  subCommands: { preview: previewCommand },
})

function sampleLetters(texts: LetterTexts, letter?: string, language?: string): Sample[] {
  const names = letters.filter((name) => letter === undefined || name === letter)
  const languages = texts.languages.filter((each) => language === undefined || each === language)
  if (names.length === 0) {
    throw new ConfigError([`There is no letter ${letter}. There are ${letters.join(', ')}.`])
  }
  if (languages.length === 0) {
    throw new ConfigError([
      `There are no texts in ${language}, but in ${texts.languages.join(', ')}.`,
    ])
  }
  return languages.flatMap((spoken) =>
    names.flatMap((name) =>
      letterExamples[name].map((facts, index) => {
        const file = `${spoken}/${name}${index === 0 ? '' : `-${index + 1}`}`
        return { ...texts.render(name, spoken, facts), letter: name, language: spoken, file }
      }),
    ),
  )
}

const asText = ({ file, subject, text }: Sample) => `── ${file}\nSubject: ${subject}\n\n${text}\n`

function writeSamples(folder: string, samples: readonly Sample[]): void {
  for (const sample of samples) {
    mkdirSync(join(folder, sample.language), { recursive: true })
    writeFileSync(
      join(folder, `${sample.file}.txt`),
      `Subject: ${sample.subject}\n\n${sample.text}\n`,
    )
    writeFileSync(join(folder, `${sample.file}.html`), sample.html)
  }
  const index = join(folder, 'index.html')
  writeFileSync(index, page({ samples }))
  say(`${samples.length} letters lie in ${folder}. Open ${index} in a browser.`)
}

const page = Handlebars.compile(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Letters</title>
<style>
body { margin: 0; padding: 2rem 1.25rem; font: 16px/1.5 system-ui, sans-serif }
main { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(390px, 100%), 1fr)); gap: 2rem 1.5rem }
h2 { margin: 0 0 .5rem; font-size: .9375rem }
h2 span { display: block; font-weight: 400; opacity: .7 }
iframe { width: 100%; height: 30rem; border: 1px solid #8884; border-radius: 12px }
</style>
</head>
<body>
<h1>Letters</h1>
<main>
{{#each samples}}<section>
<h2>{{subject}} <span>{{file}} · <a href="{{file}}.txt">as text</a> · <a href="{{file}}.html">alone</a></span></h2>
<iframe src="{{file}}.html" title="{{subject}}" loading="lazy" sandbox></iframe>
</section>
{{/each}}</main>
</body>
</html>
`)
