import { describeResource, type InspectedPeer, type ResourceEntry } from '@selvedge/agent'
import type { Resource } from '@selvedge/core'
import { duration } from '../output/duration.js'
import type { AskedIpsec, AskedWireguard, TraceFacts } from './facts.js'
import type { Hop } from './hop.js'
import { peerFor, policyFor } from './meets.js'
import { concerns, isIn, type Wanted } from './wanted.js'

/** What carries a packet besides routes, neighbours and fdb: the kernel's answers, and what the agent says of other drivers. */
export function tunnelHops({ asked, destination, now }: TraceFacts, wanted: Wanted): readonly Hop[] {
  const { wireguard, ipsec } = asked
  return [
    ...(wireguard === undefined ? [] : wireguardHops(wireguard, { destination, now }, wanted)),
    ...(ipsec === undefined ? [] : ipsecHops(ipsec, wanted)),
    ...otherHops(destination, asked.link?.name, wanted),
  ]
}

/** WireGuard's REJECT_AFTER_TIME, in ms: a session is at most this old. */
const SESSION_LIFETIME_MS = 180_000

function wireguardHops(
  { device, peers, problem }: AskedWireguard,
  { destination, now }: Pick<TraceFacts, 'destination' | 'now'>,
  wanted: Wanted,
): readonly Hop[] {
  const entry = entryOf(wanted, 'wireguard-peer', destination)
  const leases = entry === undefined ? noneOf(wanted) : peerText(entry.resource)
  const step = 'peer'
  if (peers === undefined) {
    const kernel = problem === undefined ? `nothing carries the packets of ${device}` : `not read: ${problem}`
    const verdict = problem === undefined && wanted.isKnown ? 'differs' : 'unsaid'
    return [{ step, kernel, leases, verdict }]
  }
  const peer = peerFor(peers, destination)
  const kernel = peer === undefined ? `none may be sent to ${destination}: it is dropped` : peerText(peer)
  if (!wanted.isKnown) return [{ step, kernel, verdict: 'unsaid' }, ...handshakeHops(peer, now)]
  const isSame = entry === undefined ? peer === undefined : isPeer(peer, entry)
  return [{ step, kernel, leases, verdict: isSame ? 'same' : 'differs' }, ...handshakeHops(peer, now)]
}

/** An endpoint that has roamed is held by the agent: it is no difference. */
function isPeer(peer: InspectedPeer | undefined, { resource, state }: ResourceEntry): boolean {
  const allowedIps: unknown = Reflect.get(resource, 'allowedIps')
  return (
    state === 'held' &&
    peer?.publicKey === Reflect.get(resource, 'publicKey') &&
    String(peer?.allowedIps) === String(allowedIps)
  )
}

function peerText(peer: object): string {
  const field = (name: string): unknown => Reflect.get(peer, name)
  return `${field('publicKey')} at ${field('endpoint') ?? 'no known endpoint'}, allowed ${field('allowedIps')}`
}

function handshakeHops(peer: InspectedPeer | undefined, now: number): readonly Hop[] {
  if (peer === undefined) return []
  const { handshakeAt } = peer
  const isOld = handshakeAt !== undefined && now - handshakeAt > SESSION_LIFETIME_MS
  const kernel =
    handshakeAt === undefined
      ? 'never: no packet has been exchanged'
      : `${duration(Math.max(0, now - handshakeAt))} ago${isOld ? ': the next packet begins another' : ''}`
  return [{ step: 'handshake', kernel, verdict: 'unsaid' }]
}

function ipsecHops({ source, destination, policies, states }: AskedIpsec, wanted: Wanted): readonly Hop[] {
  const met = policyFor({ source, destination, policies })
  const entry = wanted.entries.find(
    ({ resource }) =>
      isPolicyOut(resource) &&
      wanted.lease !== undefined &&
      isIn(String(Reflect.get(resource, 'source')), source) &&
      concerns(resource, destination) &&
      Reflect.get(resource, 'tunnel') !== undefined,
  )
  if (met === undefined && entry === undefined) return []
  const step = 'ipsec policy'
  const kernel = met === undefined ? 'none: the packet leaves in plain' : policyText(met)
  if (entry === undefined) return [{ step, kernel, verdict: 'unsaid' }]
  const leases = policyText(entry.resource)
  const tunnel = met?.tunnel
  const hop: Hop = {
    step,
    kernel,
    leases,
    verdict: kernel === leases && entry.state === 'held' ? 'same' : 'differs',
  }
  if (tunnel === undefined) return [hop]
  const found = states.filter(
    (each) => each.source === tunnel.source && each.destination === tunnel.destination,
  )
  const spis = found.map(({ spi }) => `0x${spi.toString(16).padStart(8, '0')}`)
  return [
    hop,
    {
      step: 'ipsec state',
      kernel:
        found.length === 0
          ? `none from ${tunnel.source} to ${tunnel.destination}: packets are dropped until charon has made one`
          : `esp from ${tunnel.source} to ${tunnel.destination}, spi ${spis.slice(-3).join(', ')}`,
      leases: 'one that charon has negotiated',
      verdict: found.length === 0 ? 'differs' : 'same',
    },
  ]
}

const isPolicyOut = (resource: Resource): boolean =>
  resource.kind === 'xfrm-policy' && Reflect.get(resource, 'direction') === 'out'

function policyText(policy: Resource): string {
  const field = (name: string): unknown => Reflect.get(policy, name)
  const tunnel = field('tunnel') as { source: string; destination: string } | undefined
  const packets = `from ${field('source')} to ${field('destination')}`
  if (field('action') === 'block') return `${packets}: dropped`
  return tunnel === undefined
    ? `${packets}: in plain`
    : `${packets}: in esp from ${tunnel.source} to ${tunnel.destination}`
}

/** The desired entry of this kind for the destination's lease. */
function entryOf({ entries, lease }: Wanted, kind: string, destination: string): ResourceEntry | undefined {
  return entries.find(
    ({ resource, owners }) =>
      resource.kind === kind &&
      lease !== undefined &&
      owners.includes(lease.key) &&
      concerns(resource, destination),
  )
}

const noneOf = ({ owner }: Wanted): string => (owner === 'no lease' ? 'no lease, no peer' : 'none')

/** Kinds that the kernel was asked about. */
const ASKED = ['link', 'address', 'route', 'neighbour', 'fdb', 'ruleset', 'xfrm-policy', 'wireguard-peer']

/** This node's, on the way to every peer. Secrets of ipsec are shown if they are not there. */
const SHARED = ['wireguard-device', 'udp-proxy', 'ike-daemon']

/** What other drivers hold for this node and for the lease, such as the proxy of udp and its peers: the agent has compared it. */
function otherHops(
  destination: string,
  device: string | undefined,
  { entries, lease, own, owner }: Wanted,
): readonly Hop[] {
  if (lease === undefined || owner !== 'pod') return []
  return entries
    .filter(({ resource, owners, state }) => {
      const { kind } = resource
      if (ASKED.includes(kind) || (kind === 'ike-secret' && state === 'held')) return false
      if (own !== undefined && owners.includes(own) && SHARED.includes(kind)) {
        return kind !== 'wireguard-device' || Reflect.get(resource, 'name') === device
      }
      return owners.includes(lease.key) && concerns(resource, destination)
    })
    .map(({ resource, state, actual }): Hop => {
      const step = STEPS[resource.kind] ?? resource.kind
      const leases = otherText(resource)
      if (state === 'held') return { step, kernel: leases, leases, verdict: 'same' }
      const kernel = actual === undefined ? (ABSENT[resource.kind] ?? 'no such entry') : otherText(actual)
      return { step, kernel, leases, verdict: 'differs' }
    })
}

const STEPS: Readonly<Record<string, string>> = {
  'udp-proxy': 'proxy',
  'udp-peer': "proxy's peer",
  'wireguard-device': 'wireguard',
  'ike-daemon': 'charon',
  'ike-connection': 'connection',
  'vpc-route': 'route of the cloud',
}

const ABSENT: Readonly<Record<string, string>> = {
  command: 'not recorded as run',
  'ike-daemon': 'it does not run',
}

function otherText(resource: Resource): string {
  const field = (name: string): unknown => Reflect.get(resource, name)
  switch (resource.kind) {
    case 'udp-proxy':
      return `between ${field('device')} and UDP port ${field('port')} of ${field('addresses')}`
    case 'udp-peer':
      return `packets for ${field('subnet')} go to ${field('address')}, UDP port ${field('port')}`
    case 'wireguard-device':
      return `${field('name')}, UDP port ${field('listenPort')}, public key ${field('publicKey')}`
    case 'ike-daemon':
      return field('userspace') === true ? 'it encrypts itself' : 'it negotiates, and the kernel encrypts'
    case 'ike-connection':
      return `${field('localAddress')} to ${field('remoteAddress')}, for ${field('localSubnet')} to ${field('remoteSubnet')}`
    case 'command':
      return `for ${field('subject')}: ${field('done') === false ? 'begun, and not recorded as done' : 'recorded as run'}`
    default:
      return describeResource(resource)
  }
}
