// A unit test of a composition: the overlay on a fake kernel, and a clock that the test advances. No root, no waiting,
// faults on demand. What the tests look at is what the kernel holds, as `ip` and `bridge` would print it.
import { vxlan } from '@selvedge/backend-vxlan'
import { FakeClock, FakeKernel } from '@selvedge/conformance'
import { createOverlay } from '@selvedge/core'
import { route } from '@selvedge/core/kit'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'
import { afterEach, beforeEach, expect, it } from 'vitest'

function compose() {
  const clock = new FakeClock()
  const store = new MemoryStore({ config: { Network: '10.244.0.0/16' }, clock })
  const kernel = new FakeKernel({ clock, interfaces: [{ name: 'eth0', addresses: ['192.0.2.1/24'] }] })
  const overlay = createOverlay({
    subnets: new MemorySubnetManager(store),
    backend: vxlan(),
    drivers: [kernel.driver()],
    clock,
    random: () => 0.5,
  })
  const join = (node: number) =>
    store.reserve({
      subnet: `10.244.${node}.0/24`,
      attributes: {
        publicIp: `192.0.2.${node}`,
        backendType: 'vxlan',
        backendData: { VNI: 1, VtepMAC: `02:00:00:00:00:0${node}` },
      },
    })
  return { clock, kernel, overlay, join }
}

let host: ReturnType<typeof compose>
beforeEach(async () => {
  host = compose()
  await host.overlay.start()
})
afterEach(() => host.overlay.stop())

it('reaches a peer as soon as it has joined', async () => {
  host.join(2)
  await host.clock.settle() // all that can happen without time passing
  expect(host.kernel.toText()).toContain('10.244.2.0/24 via 10.244.2.0 dev flannel.1 proto 157 onlink')
})

const routeToTwo = route({ destination: '10.244.2.0/24' })
it('reaches the other peers while the kernel refuses one, and that one a little later', async () => {
  const refusal = host.kernel.fail({
    errno: 'ENOBUFS',
    when: (request) => request.type === 'put' && request.resource.key === routeToTwo.key,
  })
  host.join(2)
  host.join(3)
  await host.clock.settle()
  expect(host.kernel.toText()).toContain('10.244.3.0/24')
  await host.clock.advanceUntil(() => host.overlay.status.inSync)
  expect(host.kernel.toText()).toContain('10.244.2.0/24')
  expect(refusal.strikes).toBe(1)
})
