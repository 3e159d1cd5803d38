import { count } from '../../output/count.js'
import { duration } from '../../output/duration.js'
import type { Facts } from '../facts/facts.js'
import { type Check, fatal, warning } from '../finding.js'
import { carriersOf, carrierText } from './carriers.js'
import { hostAddresses, nodeOf, ownLease, pageOf, portOf } from './known.js'
import { MAX_LOST, mtuChecks, namesOf } from './path-mtu.js'

const MAX_SHOWN = 3

export const pathChecks: readonly Check[] = [
  {
    id: 'path.host-unreachable',
    title: 'the hosts of the peers are reached',
    find: (facts) => {
      const { tried } = facts.paths
      const gone = tried.filter(({ underlay, overlay }) => underlay === undefined && overlay === undefined)
      if (gone.length === 0) return []
      // Without a tunnel, hosts that drop echo requests look the same.
      return [
        (hasTunnel(facts) ? fatal : warning)(
          `${gone.length} of ${tried.length} peers that were tried answer no echo request, neither at their own addresses nor in the overlay: ${namesOf(gone)}`,
          'are these hosts up, and is there a route to them? ip route get ADDRESS; a host that is gone for good: selvedge leases release KEY --force',
        ),
      ]
    },
  },
  {
    id: 'path.tunnel-broken',
    title: 'packets get through the tunnel',
    find: (facts) => {
      const { tried } = facts.paths
      // Peers without an address in the overlay are tried at their own alone.
      const isTunnelled = tried.some(({ overlay }) => overlay !== undefined) || hasTunnel(facts)
      const broken = tried.filter(
        ({ underlay, overlay }) => isTunnelled && underlay !== undefined && overlay === undefined,
      )
      if (broken.length === 0) return []
      const backend = nodeOf(facts)?.backend ?? 'the backend'
      return [
        fatal(
          `${broken.length} of ${tried.length} peers that were tried answer at their own addresses, and not in the overlay: ${namesOf(broken)}`,
          `the packets of ${backend} are dropped on the way, or there: run selvedge doctor on that host, too, and let ${ofTunnel(facts)} pass between the hosts (security groups, firewalls)`,
        ),
      ]
    },
  },
  {
    id: 'path.loss',
    title: 'no packets are lost on the way',
    find: ({ paths: { tried } }) => {
      const lossy = tried.filter(
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
  ...mtuChecks,
  {
    id: 'path.one-way',
    title: 'probes of the agent arrive in both directions (--probe-peers)',
    find: (facts) => {
      const lost = (pageOf(facts)?.peers ?? []).flatMap(
        ({ subnet, ipv6Subnet, publicIp, publicIpv6, probe }) =>
          [probe?.ipv4, probe?.ipv6].flatMap((report) =>
            report?.state === 'unreachable'
              ? [
                  `${subnet ?? ipv6Subnet} (${publicIp ?? publicIpv6}): ${DIRECTIONS[report.direction ?? 'unknown']}`,
                ]
              : [],
          ),
      )
      if (lost.length === 0) return []
      return [
        fatal(
          `${count(lost.length, 'peer does', 'peers do')} not answer the agent's probes: ${lost.slice(0, MAX_SHOWN).join('; ')}`,
          'look where packets are lost: a firewall of the host that does not get them, or between the two; selvedge trace ADDRESS shows each step here',
        ),
      ]
    },
  },
  {
    id: 'path.handshake',
    title: 'peers of WireGuard that do not answer have shaken hands within three minutes',
    find: (facts) => {
      const silent = facts.paths.tried.filter(({ overlay }) => overlay === undefined)
      const strangers = silent.flatMap((path) => {
        const shake = facts.shaken.find(({ allowedIps }) => allowedIps.includes(path.subnet))
        if (shake === undefined || (shake.at !== undefined && facts.now - shake.at < REJECT_AFTER_MS))
          return []
        const age = shake.at === undefined ? 'never' : `${duration(facts.now - shake.at)} ago`
        return [`${path.subnet} (${path.publicIp}) ${age}`]
      })
      if (strangers.length === 0) return []
      return [
        fatal(
          `no handshake of WireGuard with ${strangers.length} peers, the last: ${strangers.slice(0, MAX_SHOWN).join(', ')}`,
          `let UDP port ${portOf(facts)} pass between the hosts; if it does, one of the two has another key than it publishes: restart its agent`,
        ),
      ]
    },
  },
]

/** A session of WireGuard that is older is none (REJECT_AFTER_TIME of its paper). */
const REJECT_AFTER_MS = 180_000

const DIRECTIONS = {
  outbound: 'packets to it are lost, and those from it arrive',
  inbound: 'nothing from it arrives here',
  unknown: 'it is not known which way packets are lost',
} as const

/** Whether this host has an address in the overlay, and so have its peers. */
function hasTunnel(facts: Facts): boolean {
  const own = ownLease(facts)
  const [base] = (own?.subnet ?? own?.ipv6Subnet ?? '').split('/')
  return base !== undefined && hostAddresses(facts).has(base)
}

const ofTunnel = (facts: Facts): string => carriersOf(facts).map(carrierText).join(' and ') || 'its packets'
