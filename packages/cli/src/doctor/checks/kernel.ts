import type { KnownLease } from '@selvedge/agent'
import { containsAddress, parseCidr } from '@selvedge/core/kit'
import type { Facts } from '../facts/facts.js'
import type { LinkFact } from '../facts/network.js'
import { type Check, fatal, warning } from '../finding.js'
import { backendOf, desiredOf, externalOf, mtuOf, networksOf, ownLease, pageOf } from './known.js'

/** The devices of each backend: flannel's names. */
const DEVICES: Readonly<Record<string, RegExp>> = {
  vxlan: /^flannel(?:-v6)?\.\d+$/,
  udp: /^flannel0$/,
  wireguard: /^flannel-wg(?:-v6)?$/,
  ipip: /^flannel\.ipip$|^fl6-[0-9a-f]{11}$/,
  ipsec: /^flannel-ipsec$/,
}

/** What a backend puts around a packet over IPv4, in bytes; over IPv6 it is 20 more. */
const OVERHEAD: Readonly<Record<string, number>> = { vxlan: 50, udp: 28, ipip: 20, wireguard: 60 }

/** Whether a link's mark is that of an overlay on other networks. */
const isOfAnother = (alias: string | undefined, networks: readonly string[]): boolean =>
  alias?.startsWith('selvedge ') === true && !networks.some((network) => alias.includes(network))

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
      const backend = backendOf(facts)
      if (desiredOf(facts) === undefined || backend === undefined || backend === 'extension') return []
      return (facts.network?.links ?? [])
        .filter(({ ifname, ifalias }) => {
          if (isOfAnother(ifalias, networksOf(facts))) return false
          const owner = Object.entries(DEVICES).find(([, pattern]) => pattern.test(ifname))?.[0]
          if (owner !== backend) return owner !== undefined
          const desired = desiredOf(facts)?.entries.filter(({ state }) => state !== 'stale')
          // Of the same backend with another config, such as another VNI.
          return desired?.some(({ resource }) => Reflect.get(resource, 'name') === ifname) === false
        })
        .map(({ ifname }) =>
          warning(
            `${ifname} is no device of the backend ${backend} as configured: an earlier config left it, and its routes may take packets`,
            `ip link delete ${ifname}`,
          ),
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
    id: 'kernel.device-mtu',
    title: "the backend's packets fit the interface that they leave by",
    find: (facts) => {
      const external = externalOf(facts)
      const overhead = OVERHEAD[backendOf(facts) ?? '']
      if (external === undefined || overhead === undefined) return []
      const room = external.mtu - overhead
      return ownDevices(facts)
        .filter(({ mtu }) => mtu > room)
        .map(({ ifname, mtu }) =>
          fatal(
            `${ifname} has an MTU of ${mtu}, ${external.ifname} one of ${external.mtu}, and the backend adds ${overhead} bytes: packets of more than ${room} bytes are lost`,
            `ip link set ${ifname} mtu ${room}`,
          ),
        )
    },
  },
  {
    id: 'kernel.checksums',
    title: 'packets of peers come with the right checksums',
    find: ({ checksums, ...facts }) => {
      if (checksums === 0) return []
      const device = (desiredOf({ checksums, ...facts })?.entries ?? []).find(
        ({ resource }) => resource.kind === 'link',
      )
      const name = device === undefined ? undefined : String(Reflect.get(device.resource, 'name'))
      return [
        warning(
          `${checksums} packets with a wrong checksum came while peers were tried: their hosts, or a NAT on the way, leave checksums to hardware that does not compute those of tunnelled packets`,
          `on the peers: ethtool -K ${name ?? externalOf({ checksums, ...facts })?.ifname ?? 'flannel.1'} tx-checksum-ip-generic off`,
        ),
      ]
    },
  },
  {
    id: 'kernel.published-mac',
    title: "the published MAC address is the device's",
    find: (facts) => {
      const { store } = facts
      const own = ownLease(facts)
      if (store?.state !== 'answers' || own === undefined || backendOf(facts) !== 'vxlan') return []
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
    id: 'kernel.subnet-file',
    title: "the subnet file is the lease's",
    find: (facts) => {
      const [lease, mtu] = [ownLease(facts), mtuOf(facts)]
      const { path, text } = facts.subnetFile
      if (lease === undefined || mtu === undefined || pageOf(facts)?.ready === false) return []
      if (text === undefined) {
        return [
          fatal(
            `${path} is missing: no pod can be made`,
            "is it the agent's (--subnet-file)? it is written again within seconds; else restart the agent",
          ),
        ]
      }
      const wrong = wrongLines(text, lease, mtu)
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

/** The devices of the backend in force, or of the one in the store. */
function ownDevices(facts: Facts): readonly LinkFact[] {
  const pattern = DEVICES[backendOf(facts) ?? '']
  return pattern === undefined
    ? []
    : (facts.network?.links ?? []).filter(({ ifname }) => pattern.test(ifname))
}

function wrongLines(text: string, lease: KnownLease, mtu: number): readonly string[] {
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
