import { spawn } from 'node:child_process'

const openers: Partial<Record<NodeJS.Platform, readonly string[]>> = {
  darwin: ['open'],
  win32: ['rundll32', 'url.dll,FileProtocolHandler'],
}

/** Whether somebody sits here before a screen on which a browser opens. */
export function opensBrowser(): boolean {
  const { env, platform, stdin, stderr } = process
  if (!stdin.isTTY || !stderr.isTTY || env.SSH_CONNECTION || env.CI) return false
  return platform in openers || Boolean(env.DISPLAY || env.WAYLAND_DISPLAY)
}

/** Opens an address; where that fails, it stands on the screen all the same. Never by a shell: it came from a server. */
export function openBrowser(address: string): void {
  const isPage = ['http:', 'https:'].includes(URL.parse(address)?.protocol ?? '')
  if (!isPage) return
  const [program = 'xdg-open', ...words] = openers[process.platform] ?? []
  const child = spawn(program, [...words, address], { stdio: 'ignore', detached: true })
  child.on('error', () => {})
  child.unref()
}
