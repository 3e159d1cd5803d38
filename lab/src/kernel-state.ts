import type { Namespace } from './namespace.js'

/** What `ip` and `bridge` print of a host's overlay. Lines are sorted: the kernel's tables have no order. */
export interface KernelState {
  link: string
  addresses: string
  routes: string[]
  neighbours: string[]
  fdb: string[]
}

/** The state of one overlay device, and of all routes, as a person would look at them. */
export async function readKernelState(host: Namespace, device: string): Promise<KernelState> {
  const family = device.includes('-v6') ? '-6' : '-4'
  const [link, addresses, routes, neighbours, fdb] = await Promise.all([
    host.ip('-details', '-oneline', 'link', 'show', device),
    host.ip(family, '-oneline', 'address', 'show', device),
    host.ip(family, 'route'),
    host.ip(family, 'neigh', 'show', 'dev', device, 'nud', 'permanent'),
    host.bridge('fdb', 'show', 'dev', device),
  ])
  return { link, addresses, routes: lines(routes), neighbours: lines(neighbours), fdb: lines(fdb) }
}

function lines(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
    .sort()
}
