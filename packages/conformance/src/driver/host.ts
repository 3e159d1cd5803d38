import assert from 'node:assert/strict'
import type { DriverSection } from './fixture.js'

/** What a driver says about the host besides its external interface, if it says anything. */
export function hostTests({ supports, test }: DriverSection): void {
  test('says which addresses and gateways the host has, as they are at each call', async (host) => {
    const driver = await host.connect()
    const networkOf = async () => (await driver.externalInterface?.())?.host ?? assert.fail('no `host`')
    await host.run(
      'ip link add slv0 type bridge',
      'ip link set slv0 up',
      'ip addr add 10.7.0.1/24 dev slv0',
      'ip route add 10.8.0.0/16 via 192.168.0.9 dev eth0',
      // As flanneld writes it: no host has the base of a subnet.
      'ip route add 10.99.7.0/24 via 10.99.7.0 dev slv0 onlink',
      'ip route add 10.9.0.0/16 via 172.31.0.1 dev slv0 onlink',
    )
    const { addresses, gateways } = await networkOf()
    for (const own of [
      { link: 'eth0', address: '192.168.0.1', prefixLength: 24 },
      { link: 'slv0', address: '10.7.0.1', prefixLength: 24 },
      ...(supports.ipv6 ? [{ link: 'eth0', address: 'fd00::1', prefixLength: 64 }] : []),
    ]) {
      assert.ok(
        addresses.some((one) => JSON.stringify(one) === JSON.stringify(own)),
        `${own.address} in ${JSON.stringify(addresses)}`,
      )
    }
    assert.equal(
      addresses.find(({ address }) => /^(127\.|::1$|fe80:)/.test(address)),
      undefined,
    )
    assert.deepEqual([...gateways].sort(), ['172.31.0.1', '192.168.0.9'])
    await host.run('ip route del 10.8.0.0/16 via 192.168.0.9 dev eth0')
    assert.deepEqual((await networkOf()).gateways, ['172.31.0.1'])
  })
}
