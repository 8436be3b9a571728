import { resolveTxt } from 'node:dns/promises'
import { defineCommand } from 'citty'
import { openOperator } from '../app.ts'
import { ConfigError } from '../config.ts'
import { showFindings } from './doctor.ts'
import { json, operate } from './shell.ts'

export const deployCheckCommand = defineCommand({
  meta: {
    name: 'deploy-check',
    description: 'Calls the server as strangers do, and says what to do',
  },
  args: {
    url: { type: 'positional', description: 'Its public address', required: true },
    'dkim-selector': {
      type: 'string',
      description: 'The name of the key your mail server signs with',
    },
    json,
  },
  run: ({ args }) =>
    operate(async (operator) => {
      if (!URL.canParse(args.url) || !/^https?:$/.test(new URL(args.url).protocol)) {
        throw new ConfigError([`${args.url} is no address such as https://auth.example.com`])
      }
      const wish = {
        url: new URL(args.url),
        dkimSelector: args['dkim-selector'],
        lookUp: resolveTxt,
      }
      // Its clients are loaded here: the server that is started by the same file has no use for them.
      const { checkDeployment } = await import('../deploy/deploy-check.ts')
      showFindings(args, await checkDeployment(operator, wish))
    }, openOperator),
})
