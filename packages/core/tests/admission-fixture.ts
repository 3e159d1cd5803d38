import type { HostNetwork } from '../src/contract/node-context.js'
import { fdb, neighbour, type Resource, route } from '../src/contract/resource.js'
import { Admission, type RefusedLease } from '../src/lease/admission/admission.js'
import type { AdmissionFacts } from '../src/lease/admission/facts.js'
import { type Lease, leaseKey } from '../src/lease/lease.js'
import { type NetworkConfig, parseNetworkConfig } from '../src/lease/network-config.js'
import { enabledFamilies } from '../src/net/address-family.js'
import { baseAddress } from '../src/net/cidr.js'

export const ipv4 = parseNetworkConfig({ Network: '10.244.0.0/16' })
export const dualStack = parseNetworkConfig({
  Network: '10.244.0.0/16',
  EnableIPv6: true,
  IPv6Network: 'fd00:10:244::/48',
})

export const host: HostNetwork = {
  addresses: [
    { link: 'eth0', address: '192.168.77.1', prefixLength: 24 },
    { link: 'eth0', address: 'fd77::1', prefixLength: 64 },
    { link: 'docker0', address: '172.17.0.1', prefixLength: 16 },
    { link: 'cni0', address: '10.244.1.1', prefixLength: 24 },
  ],
  gateways: ['192.168.77.254', 'fd77::fe'],
  routes: [
    { link: 'wg0', destination: '10.244.184.0/22' },
    // As of a VPN that leads to a larger network: what is inside is the overlay's.
    { link: 'wg0', destination: '10.0.0.0/8' },
  ],
}

export function factsOf(config: NetworkConfig, changes: Partial<AdmissionFacts> = {}): AdmissionFacts {
  return {
    own: lease('10.244.1.0/24', '192.168.77.1', { ipv6: config.ipv6 && ['fd00:10:244:1::/64', 'fd77::1'] }),
    config,
    externalInterface: {
      name: 'eth0',
      mtu: 1500,
      ipv4: '192.168.77.1',
      ipv6: 'fd77::1',
      onLink: ['192.168.77.0/24', 'fd77::/64'],
    },
    host,
    store: { name: 'etcd', addresses: ['172.30.0.254', 'fd30::254'] },
    ...changes,
  }
}

export interface LeaseChanges {
  readonly created?: number
  readonly mac?: string
  readonly ipv6?: readonly [subnet: string, publicIpv6: string | undefined, mac?: string] | undefined
  readonly type?: string
}

/** A lease with a MAC made of its node's address, unless another is given. */
export function lease(
  subnet: string | undefined,
  publicIp: string | undefined,
  { created, mac, ipv6, type = 'vxlan' }: LeaseChanges = {},
): Lease {
  const macOf = (address = '') => `02:${address.slice(-2).padStart(2, '0').replace(/[.:]/g, '0')}:00:00:00:00`
  return {
    subnet,
    ipv6Subnet: ipv6?.[0],
    attributes: {
      publicIp,
      publicIpv6: ipv6?.[1],
      backendType: type,
      backendData: mac ?? macOf(publicIp),
      backendV6Data: ipv6?.[2] ?? macOf(ipv6?.[1]),
    },
    created,
  }
}

/** What vxlan makes of a lease. */
export function resourcesOf(config: NetworkConfig, one: Lease): Resource[] {
  return enabledFamilies(config).flatMap((parts) => {
    const [subnet, address] = [one[parts.subnet], one.attributes[parts.publicAddress]]
    const mac = String(one.attributes[parts.backendData])
    const link = `flannel-${parts.family}`
    if (subnet === undefined) return []
    if (address === undefined) throw new RangeError(`${parts.name}: no address`)
    return [
      neighbour({ link, address: baseAddress(subnet), macAddress: mac }),
      fdb({ link, macAddress: mac, destination: address }),
      route({ destination: subnet, device: link, gateway: baseAddress(subnet), onLink: true }),
    ]
  })
}

/** An admission, what it has handed over by lease, and what it has refused. */
export class Setup {
  readonly held = new Map<string, readonly Resource[]>()
  readonly refused: RefusedLease[] = []
  readonly admission: Admission
  readonly facts: AdmissionFacts
  calls = 0

  constructor(
    facts: AdmissionFacts,
    backend = (one: Lease): readonly Resource[] => resourcesOf(facts.config, one),
    ownKeys: readonly string[] = [],
  ) {
    this.facts = facts
    const holders = new Map<string, string[]>()
    this.admission = new Admission(
      {
        resourcesOf: (one) => {
          this.calls += 1
          return backend(one)
        },
        holdersOf: (key) => holders.get(key) ?? [],
        isOwn: (key) => ownKeys.includes(key),
        hold: (leaseKey, resources) => {
          for (const { key } of this.held.get(leaseKey) ?? []) {
            if (!resources.some((kept) => kept.key === key)) {
              holders.set(
                key,
                (holders.get(key) ?? []).filter((holder) => holder !== leaseKey),
              )
            }
          }
          for (const { key } of resources) {
            const before = holders.get(key) ?? []
            if (!before.includes(leaseKey)) holders.set(key, [...before, leaseKey])
          }
          this.held.set(leaseKey, resources)
        },
      },
      facts,
    )
  }

  put(...leases: readonly Lease[]): void {
    this.refused.push(...this.admission.put(leases.map((one) => [leaseKey(one), one])))
  }

  delete(one: Lease): void {
    this.refused.push(...this.admission.delete(leaseKey(one)))
  }

  decideAgain(changes: Partial<AdmissionFacts>): void {
    this.refused.push(...this.admission.decideAgain({ ...this.facts, ...changes }))
  }

  /** The destinations of the routes that are held, in order. */
  get routes(): string[] {
    const routes = [...this.held.values()].flat().filter(({ kind }) => kind === 'route')
    return routes.map((held) => String(Reflect.get(held, 'destination'))).sort()
  }
}
