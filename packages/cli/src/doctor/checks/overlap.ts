import { containsAddress, overlaps, parseCidr, printable } from '@selvedge/core/kit'
import type { Facts } from '../facts/facts.js'
import { type Check, type Finding, fatal, warning } from '../finding.js'
import { externalOf, networksOf } from './known.js'

type Found = readonly Omit<Finding, 'id'>[]

const REMEDY = 'choose another Network, which nothing else uses (selvedge config set)'

export const overlapChecks: readonly Check[] = [
  {
    id: 'store.overlap',
    title: "the network contains no address of this host's own, of peers' hosts or of Services",
    pre: true,
    find: (facts) => {
      const stored = facts.store?.state === 'answers' ? facts.store.networks : []
      const networks = [...new Set([...networksOf(facts), ...stored])]
      return networks.flatMap((network) => [
        ...withHost(facts, network),
        ...withPeers(facts, network),
        ...withServices(facts, network),
      ])
    },
  },
]

function withHost(facts: Facts, network: string): Found {
  const whole = parseCidr(network)
  return (facts.network?.links ?? [])
    .filter(({ ifname, master }) => !/^(?:flannel|cni|lo$)/.test(ifname) && master === undefined)
    .flatMap(({ ifname, addr_info }) =>
      addr_info.flatMap(({ local, prefixlen, scope }) => {
        const own = parseCidr(`${local}/${prefixlen}`)
        const isBoth = own !== undefined && whole !== undefined && own.family === whole.family
        const isInside = containsAddress(network, local) || (isBoth && overlaps(whole, own))
        if (scope !== 'global' || !isBoth || !isInside) return []
        return [
          (ifname === externalOf(facts)?.ifname ? fatal : warning)(
            `the network ${network} overlaps ${local}/${prefixlen} of ${ifname}: packets to one of the two go to the other`,
            `${REMEDY}, or other addresses for the host`,
          ),
        ]
      }),
    )
}

/** The first: a network that contains the hosts' contains many. */
function withPeers({ store }: Facts, network: string): Found {
  const leases = store?.state === 'answers' ? store.leases : []
  const lease = leases.find(({ publicIp }) => publicIp !== undefined && containsAddress(network, publicIp))
  if (lease === undefined) return []
  return [
    fatal(
      `the network ${network} contains ${lease.publicIp}, the public address of ${printable(lease.key)}: packets to that host go into the overlay`,
      `${REMEDY}; if no host has that lease: selvedge leases release ${printable(lease.key)} --force`,
    ),
  ]
}

function withServices({ services: { clusterIps } }: Facts, network: string): Found {
  const service = clusterIps.find(({ address }) => containsAddress(network, address))
  if (service === undefined) return []
  return [
    fatal(
      `the network ${network} contains ${service.address}, the address of the Service ${printable(service.name)}: a pod may get it`,
      `${REMEDY}, or another --service-cluster-ip-range for the API server`,
    ),
  ]
}
