/** The pages in the order in which they are read, under the questions they answer. Pages of no section follow them. */
export const sections: readonly (readonly [title: string, names: readonly string[]])[] = [
  ['Begin', ['quick-start', 'concepts', 'login-flow', 'hub', 'comparison']],
  ['Sign people in', ['second-factors', 'device-login', 'sessions', 'account']],
  ['Keys and models', ['api-keys', 'gateway', 'usage', 'behind-a-proxy', 'verifying', 'webhooks']],
  ['Clients', ['typescript', 'typescript-api', 'python-api', 'conformance']],
  ['Look up', ['api', 'errors', 'rate-limits', 'configuration', 'storage']],
  [
    'Run it',
    ['deploying', 'operating', 'upgrading', 'scaling', 'metrics', 'traces', 'mail', 'import'],
  ],
  ['Trust', ['promises', 'security']],
]

export const OTHERS = 'More'

/** What a page is called where its own title is too long for a list. */
export const shortTitles: Readonly<Record<string, string>> = {
  promises: 'Promises',
  security: 'Measured and tested',
}
