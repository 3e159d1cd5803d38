import { run } from '../run.js'
import type { DemoBackend } from './options.js'

/** A link that the backend needs, for `ip link add`. */
const LINKS: Readonly<Partial<Record<DemoBackend, string>>> = { ipip: 'type ipip local 192.0.2.1' }

/** Why the kernel cannot run a backend; undefined if it can. Asked in a namespace that is gone at once. */
export async function whyNotOnKernel(backend: DemoBackend): Promise<string | undefined> {
  const link = LINKS[backend]
  if (link === undefined) return undefined
  const command = ['--net', 'ip', 'link', 'add', 'probe', ...link.split(' ')]
  const error = await run('unshare', command).then(
    () => undefined,
    (reason: Error) => reason,
  )
  return error === undefined ? undefined : `this kernel has no ${backend} (modprobe ${backend})`
}
