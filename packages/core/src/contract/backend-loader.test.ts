import { expect, it, vi } from 'vitest'
import { parseNetworkConfig } from '../lease/network-config.js'
import type { Backend } from './backend.js'
import { loadBackend } from './backend-loader.js'

const context = {
  config: parseNetworkConfig({ Network: '10.244.0.0/16' }),
  externalInterface: { name: 'eth0', mtu: 1500, ipv4: '192.168.64.2', onLink: [] },
}
const backend: Backend = {
  type: 'test',
  mtu: () => 1500,
  attributes: () => ({ backendType: 'test' }),
  local: () => [],
  peer: () => [],
}

it('a loader makes the backend of what is known of the node', async () => {
  const load = vi.fn(async () => backend)
  const options = { signal: new AbortController().signal }
  expect(await loadBackend({ type: 'test', load }, context, options)).toBe(backend)
  expect(load).toHaveBeenCalledExactlyOnceWith(context, options)
})

it('a backend is itself', async () => {
  expect(await loadBackend(backend, context)).toBe(backend)
})
