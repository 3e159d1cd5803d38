import type { PathFact } from '../facts/paths.js'
import { type Check, fatal, warning } from '../finding.js'
import { nodeOf } from './known.js'

const MAX_SHOWN = 3
/** Of echo requests: one of twenty may be lost to a busy host. */
const MAX_LOST = 2

export const pathChecks: readonly Check[] = [
  {
    id: 'path.host-unreachable',
    title: 'the hosts of the peers are reached',
    find: ({ paths }) => {
      const gone = paths.filter(({ underlay, overlay }) => underlay === undefined && overlay === undefined)
      if (gone.length === 0) return []
      return [
        fatal(
          `${gone.length} of ${paths.length} peers answer neither at their own addresses nor in the overlay: ${namesOf(gone)}`,
          'are these hosts up, and is there a route to them? ip route get ADDRESS; a host that is gone for good: selvedge leases release KEY --force',
        ),
      ]
    },
  },
  {
    id: 'path.tunnel-broken',
    title: 'packets get through the tunnel',
    find: ({ paths, ...facts }) => {
      const broken = paths.filter(({ underlay, overlay }) => underlay !== undefined && overlay === undefined)
      if (broken.length === 0) return []
      const backend = nodeOf({ paths, ...facts })?.backend ?? 'the backend'
      return [
        fatal(
          `${broken.length} of ${paths.length} peers answer at their own addresses, and not in the overlay: ${namesOf(broken)}`,
          `the packets of ${backend} are dropped on the way, or there: run selvedge doctor on that host, too, and let ${PORTS[backend] ?? 'its packets'} pass between the hosts (security groups, firewalls)`,
        ),
      ]
    },
  },
  {
    id: 'path.loss',
    title: 'no packets are lost on the way',
    find: ({ paths }) => {
      const lossy = paths.filter(
        ({ overlay }) => overlay !== undefined && overlay.sent - overlay.received > MAX_LOST,
      )
      if (lossy.length === 0) return []
      const worst = lossy.map((path) => {
        const { sent, received } = path.overlay ?? { sent: 0, received: 0 }
        return `${path.subnet} (${path.publicIp}) ${sent - received} of ${sent}`
      })
      return [
        warning(
          `echo requests through the overlay are lost: ${worst.slice(0, MAX_SHOWN).join(', ')}`,
          'look at the interfaces and switches between these hosts (ip -s link, ethtool -S), and for a host without CPU to spare',
        ),
      ]
    },
  },
  {
    id: 'path.mtu',
    title: 'packets as long as the MTU get through',
    find: ({ paths, ...facts }) => {
      const cut = paths.filter(
        ({ fullSize, overlay }) =>
          fullSize === false && overlay !== undefined && overlay.sent - overlay.received <= MAX_LOST,
      )
      if (cut.length === 0) return []
      const mtu = nodeOf({ paths, ...facts })?.mtu
      return [
        fatal(
          `short packets get through, and those of ${mtu} bytes do not: ${namesOf(cut)}`,
          `the way between the hosts takes less than their interfaces do: set the interfaces' MTU to what it takes on all hosts, or "MTU" in the Backend section of the config, and restart agents and pods`,
        ),
      ]
    },
  },
]

const PORTS: Readonly<Record<string, string>> = {
  vxlan: 'UDP port 8472',
  udp: 'UDP port 8285',
  wireguard: 'UDP port 51820',
  ipip: 'IP protocol 4',
}

const namesOf = (paths: readonly PathFact[]): string =>
  paths
    .slice(0, MAX_SHOWN)
    .map(({ subnet, publicIp }) => `${subnet} (${publicIp})`)
    .join(', ')
