import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { vxlan } from '@selvedge/backend-vxlan'
import { FakeKernel } from '@selvedge/conformance'
import { createOverlay } from '@selvedge/core'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { agent } from './agent.js'
import { viaRouter } from './backend.js'

it.each([
  'compose.ts',
  'agent.ts',
  'edge.ts',
  'k3s.ts',
  'backend.ts',
  'gre/backend.ts',
  'gre/link-type.ts',
  'store.ts',
  'move.ts',
  'fleet.ts',
  'bootstrap.ts',
  'networks.ts',
  'backends/run.ts',
  'backends/wireguard.ts',
  'backends/udp.ts',
  'backends/ipip.ts',
  'backends/extension.ts',
  'composition.test.ts',
  'masquerade.test.ts',
])('%s is short', async (name) => {
  const text = await readFile(new URL(name, import.meta.url), 'utf8')
  expect(text.split('\n').length).toBeLessThanOrEqual(60)
})

it.each([
  ['edge.ts', 'boot-with-nothing'],
  ['k3s.ts', 'embed-in-an-agent'],
])('%s is the program of its guide', async (program, name) => {
  const read = (file: string) => readFile(new URL(file, import.meta.url), 'utf8')
  const guide = await read(`../../docs/guides/${name}.md`)
  expect(guide).toContain(`\`\`\`ts\n${await read(program)}\`\`\`\n`)
})

const hostKernel = () => new FakeKernel({ interfaces: [{ name: 'eth0', addresses: ['192.0.2.1/24'] }] })

describe('compose.ts', () => {
  afterEach(() => {
    vi.restoreAllMocks()
  })

  it('shows both subnets and a kernel that heals, and leaves that kernel as it found it', async () => {
    const printed: string[] = []
    const print = (line: string) => void printed.push(line)
    vi.spyOn(console, 'log').mockImplementation(print)
    vi.spyOn(console, 'error').mockImplementation(print)
    await import('./compose.js')
    const text = printed.join('\n')
    expect(text).toMatch(/^10\.244\.\d+\.0\/24 and 10\.244\.\d+\.0\/24, MTU for pods 1450$/m)
    expect(text).toMatch(/^10\.244\.\d+\.0\/24 via 10\.244\.\d+\.0 dev flannel\.1 proto 157 onlink$/m)
    expect(text).toMatch(/^192\.0\.2\.1 repairs: route /m)
    expect(text).toContain('healed: true')
    expect(text).toContain('cleaned up: true')
    expect(text).not.toContain('error')
  })
})

describe('agent.ts', () => {
  it('writes subnet.env, logs peers, stops when asked to, and returns to its subnet', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'selvedge-agent-'))
    try {
      const subnetFile = join(folder, 'subnet.env')
      const kernel = hostKernel()
      const texts: string[] = []
      // A store that has forgotten everything each time: only the file remembers the subnet.
      for (const previous of ['10.244.77.0/24', undefined]) {
        const store = new MemoryStore({ config: { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } } })
        const stop = new AbortController()
        const lines: string[] = []
        const running = agent({
          subnets: new MemorySubnetManager(store),
          backend: vxlan(),
          drivers: [kernel.driver()],
          ...(previous !== undefined && { previous: { subnet: previous } }),
          subnetFile,
          signal: stop.signal,
          log: (line) => void lines.push(line),
        })
        await vi.waitUntil(() => lines.some((line) => line.startsWith('running:')))
        texts.push(await readFile(subnetFile, 'utf8'))
        stop.abort()
        await running
        expect(lines.filter((line) => line.startsWith('error'))).toEqual([])
      }
      expect(texts[0]).toBe(
        'FLANNEL_NETWORK=10.244.0.0/16\nFLANNEL_SUBNET=10.244.77.1/24\nFLANNEL_MTU=1450\nFLANNEL_IPMASQ=false\n',
      )
      expect(texts[1]).toBe(texts[0])
      expect(kernel.toText()).toContain('10.244.77.0/32 dev flannel.1')
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  it('ends without an error if it is stopped before it has started', async () => {
    const stopped = AbortSignal.abort(new Error('stop'))
    const log = vi.fn()
    const store = new MemoryStore({ config: { Network: '10.244.0.0/16' } })
    const subnetFile = join(tmpdir(), 'selvedge-agent-never-written')
    const composition = {
      subnets: new MemorySubnetManager(store),
      backend: vxlan(),
      drivers: [hostKernel().driver()],
    }
    await agent({ ...composition, subnetFile, signal: stopped, log })
    expect(log).not.toHaveBeenCalled()
  })
})

describe('backend.ts', () => {
  it('routes near peers directly and everyone else through the router', async () => {
    const Backend = { Type: 'via-router', Router: '192.0.2.254' }
    const store = new MemoryStore({ config: { Network: '10.244.0.0/16', Backend } })
    const join = (subnet: string, publicIp: string) =>
      store.reserve({ subnet, attributes: { publicIp, backendType: 'via-router' } })
    join('10.244.2.0/24', '192.0.2.2')
    join('10.244.3.0/24', '198.51.100.3')
    const kernel = hostKernel()
    await using overlay = createOverlay({
      subnets: new MemorySubnetManager(store),
      backend: viaRouter(),
      drivers: [kernel.driver()],
    })
    await overlay.start()
    await overlay.whenInSync()
    const routes = kernel.toText().match(/^10\.244\..* proto 157$/gm)
    expect(routes).toEqual([
      '10.244.0.0/16 via 192.0.2.254 dev eth0 proto 157',
      '10.244.2.0/24 via 192.0.2.2 dev eth0 proto 157',
    ])
  })
})
