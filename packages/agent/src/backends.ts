import type { BackendLoader } from '@selvedge/core'

/** Every backend that the agent has. Each is imported when a network config names it. */
export const backends: readonly BackendLoader[] = [
  { type: 'vxlan', load: async () => (await import('@selvedge/backend-vxlan')).vxlan() },
  { type: 'host-gw', load: async () => (await import('@selvedge/backend-hostgw')).hostGw() },
  { type: 'ipip', load: async () => (await import('@selvedge/backend-ipip')).ipip() },
  { type: 'alloc', load: async () => (await import('@selvedge/backend-alloc')).alloc() },
]
