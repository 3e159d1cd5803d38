import { backendSuite, endState, FakeKernel } from '@selvedge/conformance'
import { createOverlay } from '@selvedge/core'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { describe, expect, it } from 'vitest'
import { gre } from './backend.js'

backendSuite(
  { describe, it },
  {
    setup: () => gre(),
    section: { Type: 'gre' },
    supports: { ipv6: false, dualStack: false, warnings: false },
  },
)

const Backend = { Type: 'gre' }
const BackendType = 'gre'
const eth0 = { name: 'eth0', mtu: 1500, macAddress: '52:54:00:00:00:02', addresses: ['192.168.64.2/24'] }

describe('gre', () => {
  it('makes a tunnel to each peer, and routes its subnet into it', async () => {
    const leases = {
      '10.5.1.0-24': { PublicIP: '192.168.64.2', BackendType },
      '10.5.2.0-24': { PublicIP: '192.168.64.3', BackendType },
      '10.5.3.0-24': { PublicIP: '203.0.113.4', BackendType },
    }
    const state = await endState(gre(), { host: eth0, config: { Network: '10.5.0.0/16', Backend }, leases })
    expect(`\n${state.replaceAll(/link\/ether \S+/g, 'link/gre')}`).toBe(`
# ip -d link
gre-c0a84003 UP mtu 1476 link/gre alias selvedge 10.5.0.0/16 gre local 192.168.64.2 remote 192.168.64.3 parent eth0 ttl 64
gre-cb007104 UP mtu 1476 link/gre alias selvedge 10.5.0.0/16 gre local 192.168.64.2 remote 203.0.113.4 parent eth0 ttl 64
# ip route
10.5.2.0/24 dev gre-c0a84003 proto 157
10.5.3.0/24 dev gre-cb007104 proto 157
`)
  })

  it('removes the tunnel of a peer that left while no overlay ran', async () => {
    const store = new MemoryStore({ config: { Network: '10.5.0.0/16', Backend } })
    const kernel = new FakeKernel({ interfaces: [eth0], linkTypes: ['gre'] })
    const tunnels = () => kernel.toText().match(/^gre-\S+ UP/gm)
    const run = async () => {
      const subnets = new MemorySubnetManager(store)
      await using overlay = createOverlay({ subnets, backend: gre(), drivers: [kernel.driver()] })
      await overlay.start()
      await overlay.whenInSync()
    }
    const join = (number: number) =>
      store.reserve({
        subnet: `10.5.${number}.0/24`,
        attributes: { publicIp: `192.168.64.${number}`, backendType: BackendType },
      })
    join(3)
    join(4)
    await run()
    expect(tunnels()).toEqual(['gre-c0a84003 UP', 'gre-c0a84004 UP'])
    store.remove({ subnet: '10.5.3.0/24' })
    await run()
    expect(tunnels()).toEqual(['gre-c0a84004 UP'])
  })
})
