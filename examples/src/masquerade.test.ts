// Masquerading as a unit test: the rules that a host would have, as `iptables-save` prints them, and their return when
// another program flushes them. No root, no iptables.
import { hostGw } from '@selvedge/backend-hostgw'
import { FakeClock, FakeKernel } from '@selvedge/conformance'
import { createOverlay } from '@selvedge/core'
import { trafficRules } from '@selvedge/firewall'
import { MemorySubnetManager } from '@selvedge/store-memory'
import { expect, it } from 'vitest'

const EXCEPTION = '-s 10.244.0.0/16 -d 10.0.0.0/8 -m comment --comment "flanneld masq" -j RETURN'
const MASQUERADE =
  '-s 10.244.0.0/16 ! -d 224.0.0.0/4 -m comment --comment "flanneld masq" -j MASQUERADE --random-fully'

it('masquerades what pods send outside, but for 10.0.0.0/8, and keeps the rules so', async () => {
  const clock = new FakeClock()
  const kernel = new FakeKernel({ clock, interfaces: [{ name: 'eth0', addresses: ['192.0.2.1/24'] }] })
  const overlay = createOverlay({
    subnets: new MemorySubnetManager({ config: { Network: '10.244.0.0/16' }, clock }),
    backend: hostGw(),
    parts: [trafficRules({ exceptions: ['10.0.0.0/8'] })],
    drivers: [kernel.driver(), kernel.firewall()],
    clock,
  })
  await overlay.start()
  const rules = kernel.iptablesSave()
  expect(rules).toContain(`-A FLANNEL-POSTRTG ${EXCEPTION}\n-A FLANNEL-POSTRTG ${MASQUERADE}`)

  kernel.run('iptables -t nat -F FLANNEL-POSTRTG')
  await clock.advanceUntil(() => kernel.iptablesSave() === rules)
  await overlay.stop()
})
