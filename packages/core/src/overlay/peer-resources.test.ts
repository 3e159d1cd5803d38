import { beforeEach, describe, expect, it } from 'vitest'
import type { Backend } from '../contract/backend.js'
import type { HostNetwork, LeaseContext } from '../contract/node-context.js'
import { route } from '../contract/resource.js'
import type { Lease } from '../lease/lease.js'
import { parseNetworkConfig } from '../lease/network-config.js'
import { DesiredState } from '../reconciler/desired-state.js'
import { OverlayError } from '../util/errors.js'
import type { PeerEvent } from './lease-table.js'
import { PeerResources } from './peer-resources.js'

const config = parseNetworkConfig({ Network: '10.244.0.0/16' })
const lease = (n: number, subnet = `10.244.${n}.0/24`): Lease => ({
  subnet,
  attributes: { publicIp: `192.0.2.${n}`, backendType: 'test' },
})
const context: LeaseContext = {
  config,
  externalInterface: { name: 'eth0', mtu: 1500, ipv4: '192.0.2.1', onLink: [] },
  publicIp: '192.0.2.1',
  lease: lease(1),
}

/** A route to each peer by its public address. */
const backend: Backend = {
  type: 'test',
  mtu: () => 1500,
  attributes: () => ({}),
  local: () => [],
  peer({ subnet = '', attributes: { publicIp } }, { externalInterface: { name } }) {
    if (subnet === '10.244.66.0/24') throw new OverlayError('INVALID_LEASE', 'no VtepMAC')
    return [route({ destination: subnet, gateway: publicIp, device: name })]
  },
}

describe('PeerResources', () => {
  let desired: DesiredState
  let heard: string[]
  let storeAddresses: readonly string[]
  let peers: PeerResources
  let isHeld: boolean

  beforeEach(() => {
    isHeld = true
    desired = new DesiredState(() => undefined)
    heard = []
    storeAddresses = []
    peers = new PeerResources({
      config,
      backend,
      desired,
      subnets: { name: 'etcd', addresses: () => storeAddresses },
      isOwnResource: (key) => desired.isClaimedBy(key, 'this node'),
      ownLinks: () => ['flannel.1'],
      isHeld: () => isHeld,
      onPeer: ({ type, lease: { subnet } }) => heard.push(`${type} ${subnet}`),
      onOutside: () => heard.push('outside'),
      onError: ({ code, message }) => heard.push(`${code} ${message}`),
    })
  })

  const put = (...leases: Lease[]): void =>
    peers.update(
      leases.map((one) => ({ type: 'put', lease: one })),
      context,
    )
  const destinations = (): unknown[] => [...desired].map((resource) => Reflect.get(resource, 'destination'))

  it('reports another lease with the public address of this node once, naming both, and routes nothing', () => {
    const namesake = { ...lease(7), attributes: lease(1).attributes }
    put(namesake)
    put(namesake)
    peers.recompute([namesake], context)
    expect(heard).toEqual([
      expect.stringMatching(
        /^LEASE_CONFLICT lease 10\.244\.7\.0-24 .* 192\.0\.2\.1, .* 10\.244\.1\.0-24: it is given no/,
      ),
    ])
    expect(destinations()).toEqual([])
    peers.update([{ type: 'delete', lease: namesake }], context)
    put(namesake)
    expect(heard).toHaveLength(2)
  })

  it('takes no lease that this node is acquiring for a namesake', () => {
    isHeld = false
    const acquired = { ...lease(7), attributes: lease(1).attributes }
    put(acquired)
    isHeld = true
    peers.recompute([acquired], { ...context, lease: acquired })
    expect(heard).toEqual([])
  })

  it("holds a peer's resources under the key of its lease, until it goes", () => {
    put(lease(2), lease(3))
    expect(desired.of('10.244.2.0-24')).toHaveLength(1)
    peers.update([{ type: 'delete', lease: lease(2) }], context)
    expect(destinations()).toEqual(['10.244.3.0/24'])
    expect(heard).toEqual(['put 10.244.2.0/24', 'put 10.244.3.0/24', 'delete 10.244.2.0/24'])
  })

  it("gives none to this node's own lease, and does not report it as a peer", () => {
    put(lease(1))
    expect(destinations()).toEqual([])
    expect(heard).toEqual([])
  })

  it("refuses a lease that overlaps this node's own, and names both", () => {
    put(lease(2, '10.244.0.0/20'))
    expect(destinations()).toEqual([])
    expect(heard.join()).toMatch(/^LEASE_CONFLICT .*10.244.0.0\/20 \(192.0.2.2\) .*10.244.1.0\/24/)
  })

  it('reports a lease that its backend cannot read, and serves the others', () => {
    put(lease(66), lease(3))
    expect(destinations()).toEqual(['10.244.3.0/24'])
    expect(heard).toContain('INVALID_LEASE no VtepMAC')
  })

  it('admits a subnet outside the network once the store holds a config that it lies in', () => {
    put(lease(2), lease(3, '10.7.3.0/24'))
    expect(destinations()).toEqual(['10.244.2.0/24'])
    expect(heard).toContain('outside')
    peers.setStoreConfig(parseNetworkConfig({ Network: '10.0.0.0/8' }), context)
    expect(destinations()).toEqual(['10.244.2.0/24', '10.7.3.0/24'])
  })

  it('knows the subnets outside the network for as long as their leases stand', () => {
    put(lease(2), lease(3, '10.7.3.0/24'))
    expect(peers.outside).toEqual(['10.7.3.0/24'])
    peers.update([{ type: 'delete', lease: lease(3, '10.7.3.0/24') }], context)
    expect(peers.outside).toEqual([])
  })

  it("takes the routes that cover the store's address as soon as it is known, and gives them back", () => {
    put(lease(2), lease(3))
    storeAddresses = ['10.244.3.9']
    expect(peers.refresh(context)).toBe(true)
    expect(peers.refresh(context)).toBe(false)
    expect(destinations()).toEqual(['10.244.2.0/24'])
    expect(heard.join()).toMatch(/10\.244\.3\.0\/24 overlaps 10\.244\.3\.9, at which etcd is reached/)
    storeAddresses = []
    peers.refresh(context)
    expect(destinations()).toEqual(['10.244.2.0/24', '10.244.3.0/24'])
  })

  it("protects the host's networks, but for those of the overlay's own links", () => {
    const host: HostNetwork = {
      addresses: [
        { link: 'docker0', address: '10.244.5.1', prefixLength: 24 },
        { link: 'flannel.1', address: '10.244.6.0', prefixLength: 32 },
      ],
      gateways: [],
      routes: [
        { link: 'wg0', destination: '10.244.7.0/24' },
        { link: 'flannel.1', destination: '10.244.6.0/24' },
      ],
    }
    const externalInterface = { ...context.externalInterface, host }
    const leases = [lease(5), lease(6), lease(7)].map((one): PeerEvent => ({ type: 'put', lease: one }))
    peers.update(leases, { ...context, externalInterface })
    expect(destinations()).toEqual(['10.244.6.0/24'])
    // Routes to its own pods, and those that lie elsewhere, are no reason to decide on all leases again.
    const others = [
      { link: 'veth1', destination: context.lease.subnet?.replace('.0/24', '.9/32') ?? '' },
      { link: 'wg0', destination: '198.51.100.0/24' },
    ]
    const busier = { ...host, routes: [...(host.routes ?? []), ...others] }
    expect(peers.refresh({ ...context, externalInterface: { ...externalInterface, host: busier } })).toBe(
      false,
    )
  })

  it('reports ten of many that are refused at once, and how many more there are', () => {
    put(...Array.from({ length: 500 }, (_, n) => lease(2 + (n % 200), `172.16.${n >> 2}.${(n & 3) * 64}/26`)))
    expect(heard.filter((line) => line.startsWith('INVALID_LEASE'))).toHaveLength(11)
    expect(heard.at(-1)).toMatch(/put/)
    expect(heard).toContain('INVALID_LEASE 490 more leases get no resources, for reasons such as these')
  })

  it('asks for everything again when this node is another', () => {
    put(lease(2), lease(3))
    const eth1 = { ...context.externalInterface, name: 'eth1' }
    peers.recompute([lease(2), lease(3)], { ...context, externalInterface: eth1, lease: lease(3) })
    expect([...desired]).toMatchObject([{ destination: '10.244.2.0/24', device: 'eth1' }])
  })
})
