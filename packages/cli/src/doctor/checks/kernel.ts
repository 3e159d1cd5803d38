import { containsAddress, overlaps, parseCidr } from '@selvedge/core/kit'
import type { Facts } from '../facts/facts.js'
import type { LinkFact } from '../facts/network.js'
import { type Check, fatal, warning } from '../finding.js'
import { backendOf, networksOf, nodeOf, pageOf } from './known.js'

/** The devices of each backend: flannel's names. */
const DEVICES: Readonly<Record<string, RegExp>> = {
  vxlan: /^flannel(?:-v6)?\.\d+$/,
  udp: /^flannel0$/,
  wireguard: /^flannel-wg(?:-v6)?$/,
  ipip: /^flannel\.ip[6]?ip$|^flannel\.ip6tnl$|^flannel\.sit$/,
}

export const kernelChecks: readonly Check[] = [
  {
    id: 'kernel.not-in-sync',
    title: 'the kernel holds what the leases require',
    find: (facts) => {
      const page = pageOf(facts)
      if (page === undefined || page.node === undefined || page.kernel.inSync || page.kernel.failed > 0)
        return []
      if (page.kernel.actual === page.kernel.desired) return []
      return [
        warning(
          `the kernel holds ${page.kernel.actual} of ${page.kernel.desired} entries`,
          'an agent that just started needs a moment: ask again (--wait); its log says what it waits for',
        ),
      ]
    },
  },
  {
    id: 'kernel.leftover-device',
    title: 'no device of another backend is left',
    find: (facts) => {
      const backend = nodeOf(facts)?.backend
      if (backend === undefined || backend === 'extension') return []
      return (facts.network?.links ?? [])
        .filter(({ ifname }) => {
          const owner = Object.entries(DEVICES).find(([, pattern]) => pattern.test(ifname))?.[0]
          return owner !== undefined && owner !== backend
        })
        .map(({ ifname }) =>
          warning(`${ifname} is of another backend than ${backend}: a leftover`, `ip link delete ${ifname}`),
        )
    },
  },
  {
    id: 'kernel.device-down',
    title: 'the device of the backend is up',
    find: (facts) =>
      ownDevices(facts)
        .filter(({ flags }) => !flags.includes('UP'))
        .map(({ ifname }) =>
          fatal(`${ifname} is down: no packet reaches a peer`, `ip link set ${ifname} up`),
        ),
  },
  {
    id: 'kernel.device-missing',
    title: 'the device of the backend is there',
    find: (facts) => {
      const backend = nodeOf(facts)?.backend
      if (backend === undefined || DEVICES[backend] === undefined || facts.network === undefined) return []
      return ownDevices(facts).length > 0
        ? []
        : [
            fatal(
              `the device of the backend ${backend} is missing`,
              'systemctl restart selvedged makes it again',
            ),
          ]
    },
  },
  {
    id: 'kernel.published-mac',
    title: "the published MAC address is the device's",
    find: (facts) => {
      const { store } = facts
      const own = nodeOf(facts)?.lease
      if (store?.state !== 'answers' || own === undefined || nodeOf(facts)?.backend !== 'vxlan') return []
      const mac = store.leases.find(({ key }) => key === own.key)?.vtepMac
      const device = ownDevices(facts).find(({ ifname }) => ifname.startsWith('flannel.'))
      if (mac === undefined || device?.address === undefined || device.address === mac) return []
      return [
        fatal(
          `${device.ifname} has the MAC address ${device.address}, and this host publishes ${mac}: packets of its peers are dropped`,
          `ip link set ${device.ifname} address ${mac}`,
        ),
      ]
    },
  },
  {
    id: 'kernel.foreign-route',
    title: 'no other route takes packets out of the network',
    find: (facts) => {
      const networks = networksOf(facts).flatMap((text) => parseCidr(text) ?? [])
      const peers = (pageOf(facts)?.peers ?? []).flatMap(({ subnet, ipv6Subnet }) =>
        [subnet, ipv6Subnet].filter((text) => text !== undefined),
      )
      const own = nodeOf(facts)?.lease
      return (facts.network?.routes ?? [])
        .filter(
          ({ table, type }) =>
            (table === undefined || table === 'main') && (type === undefined || type === 'unicast'),
        )
        .flatMap(({ dst, dev, gateway, protocol }) => {
          const cidr = parseCidr(dst.includes('/') ? dst : `${dst}/${dst.includes(':') ? 128 : 32}`)
          if (cidr === undefined || /^(?:flannel|cni|veth)/.test(dev ?? '')) return []
          const isInside = networks.some(
            (network) =>
              network.family === cidr.family && network.length <= cidr.length && overlaps(network, cidr),
          )
          if (!isInside) return []
          // By host-gw, and DirectRouting, peers' subnets have plain routes, and a gateway each.
          const text = `${dst.includes('/') ? dst : `${dst}/${cidr.family === 4 ? 32 : 128}`}`
          if (gateway !== undefined && peers.includes(text)) return []
          if (
            own !== undefined &&
            [own.subnet, own.ipv6Subnet].some(
              (subnet) => subnet !== undefined && containsAddress(subnet, dst.split('/')[0] ?? ''),
            )
          )
            return []
          const holder = peers.find((subnet) => containsAddress(subnet, dst.split('/')[0] ?? ''))
          return [
            (holder === undefined ? warning : fatal)(
              `the route ${dst}${gateway === undefined ? '' : ` via ${gateway}`} dev ${dev} (protocol ${protocol ?? '?'}) is not the agent's, and takes packets ${holder === undefined ? 'out of the network' : `for ${holder}`}`,
              `ip route delete ${dst}${dev === undefined ? '' : ` dev ${dev}`}`,
            ),
          ]
        })
    },
  },
  {
    id: 'kernel.subnet-file',
    title: "the subnet file is the lease's",
    find: (facts) => {
      const node = nodeOf(facts)
      const { path, text } = facts.subnetFile
      if (node === undefined || pageOf(facts)?.ready !== true) return []
      if (text === undefined) {
        return [
          fatal(
            `${path} is missing: no pod can be made`,
            'is it the agent’s (--subnet-file)? it is written again within seconds; else restart the agent',
          ),
        ]
      }
      const wrong = wrongLines(text, node)
      return wrong.length === 0
        ? []
        : [
            fatal(
              `${path} is not the lease's: ${wrong.join('; ')}`,
              'systemctl restart selvedged, and keep others from writing it',
            ),
          ]
    },
  },
]

/** Those of the backend in force, or of the one in the store. */
function ownDevices(facts: Facts): readonly LinkFact[] {
  const pattern = DEVICES[backendOf(facts) ?? '']
  return pattern === undefined
    ? []
    : (facts.network?.links ?? []).filter(({ ifname }) => pattern.test(ifname))
}

function wrongLines(text: string, { lease, mtu }: NonNullable<ReturnType<typeof nodeOf>>): readonly string[] {
  const values = new Map(text.split('\n').map((line) => line.split('=', 2) as [string, string]))
  return [
    ['FLANNEL_SUBNET', lease.subnet],
    ['FLANNEL_IPV6_SUBNET', lease.ipv6Subnet],
  ]
    .flatMap(([name = '', subnet]) => {
      const [address = '', length] = (values.get(name) ?? '').split('/')
      if (subnet === undefined) return []
      if (
        values.has(name) &&
        length === subnet.split('/')[1] &&
        parseCidr(`${address}/${length}`) !== undefined &&
        containsAddress(subnet, address)
      )
        return []
      return [`${name} is ${values.get(name) ?? 'missing'}, and the lease ${subnet}`]
    })
    .concat(
      values.get('FLANNEL_MTU') === `${mtu}`
        ? []
        : [`FLANNEL_MTU is ${values.get('FLANNEL_MTU') ?? 'missing'}, and the network's ${mtu}`],
    )
}
