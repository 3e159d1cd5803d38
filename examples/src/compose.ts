/**
 * Two hosts in one network, without root: the store is in memory, and each host's kernel is a fake one.
 *
 *     npm run build && node examples/dist/compose.js
 *
 * On real hosts `subnets` is a store that they share and `drivers` is `[linux()]`. Nothing else differs.
 */
import { vxlan } from '@selvedge/backend-vxlan'
import { FakeKernel } from '@selvedge/conformance'
import { createOverlay } from '@selvedge/core'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'

const store = new MemoryStore({ config: { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } } })

function host(address: string) {
  const kernel = new FakeKernel({ interfaces: [{ name: 'eth0', addresses: [`${address}/24`] }] })
  const overlay = createOverlay({
    subnets: new MemorySubnetManager(store), // the overlay's own: it disposes of it when it stops
    backend: vxlan(),
    drivers: [kernel.driver()], // likewise
  })
  overlay.on('peer', ({ type, lease }) => console.log(`${address} peer: ${type} ${lease.subnet}`))
  overlay.on('drift', (drift) => console.log(`${address} repairs: ${drift.map(({ key }) => key).join(', ')}`))
  overlay.on('error', (error) => console.error(`${address} error: ${error.code}: ${error.message}`))
  return { kernel, overlay }
}

const here = host('192.0.2.1')
const there = host('192.0.2.2')

await here.overlay.start()
await there.overlay.start()
await here.overlay.whenInSync()
await there.overlay.whenInSync()

const { lease, mtu } = there.overlay
console.log(`${here.overlay.lease.subnet} and ${lease.subnet}, MTU for pods ${mtu}`)
console.log(here.kernel.toText())

// An operator deletes the route to the other host.
here.kernel.run(`ip route del ${lease.subnet}`)
here.overlay.resync() // the kernel's notification does the same an instant later
await here.overlay.whenInSync()
console.log(`healed: ${here.kernel.toText().includes(`${lease.subnet} via`)}`)

// A stopped overlay leaves traffic flowing, unless it cleans up.
await there.overlay.stop()
await here.overlay.stop({ cleanup: true })
console.log(`cleaned up: ${!here.kernel.toText().includes('10.244.')}`)
