import { inspectIpsec, inspectWireguard } from '@selvedge/agent'
import { isOverlayError } from '@selvedge/core'
import { addressAt, canonicalAddress, familyOf } from '@selvedge/core/kit'
import type { LinkAnswer, PacketOrigin } from '@selvedge/dataplane-linux'
import type { AskedIpsec, AskedPath, AskedWireguard, DesiredState } from './facts.js'
import { peerFor, policyFor } from './meets.js'
import { concerns, ownerOf } from './wanted.js'

/** The peers of a device that is WireGuard's: the kernel's, or a TUN device for which wireguard-go is desired. */
export async function askWireguard(
  link: LinkAnswer | undefined,
  desired: DesiredState | undefined,
  signal: AbortSignal,
): Promise<AskedWireguard | undefined> {
  if (link === undefined) return undefined
  const device = link.name
  const isWireguard =
    link.type === 'wireguard' ||
    desired?.entries.some(
      ({ resource }) => resource.kind === 'wireguard-device' && Reflect.get(resource, 'name') === device,
    )
  if (isWireguard !== true) return undefined
  try {
    return { device, peers: await inspectWireguard(device, signal) }
  } catch (error) {
    signal.throwIfAborted()
    if (!isOverlayError(error)) throw error
    return { device, peers: undefined, problem: error.message }
  }
}

/** The kernel's IPsec for a packet of the origin's or, if that is this host itself, for one of its pods'. */
export async function askIpsec(
  destination: string,
  origin: PacketOrigin,
  desired: DesiredState | undefined,
  signal: AbortSignal,
): Promise<AskedIpsec | undefined> {
  const source = origin.source ?? addressOfOwnPods(destination, desired)
  if (source === undefined) return undefined
  try {
    const found = await inspectIpsec(signal)
    return found && { source, destination, ...found }
  } catch (error) {
    signal.throwIfAborted()
    if (!isOverlayError(error)) throw error
    return undefined
  }
}

function addressOfOwnPods(destination: string, desired: DesiredState | undefined): string | undefined {
  const own = desired?.leases.find(({ key }) => key === desired.own)
  const subnet = familyOf(destination) === 4 ? own?.subnet : own?.ipv6Subnet
  return subnet === undefined ? undefined : addressAt(subnet, 2n)
}

/** Where the tunnel's own packets go; undefined if there is no tunnel, or nobody says. */
export function underlayAddress(
  { link, route, wireguard, ipsec }: Omit<AskedPath, 'underlay' | 'neighbour' | 'fdb'>,
  destination: string,
  desired: DesiredState | undefined,
): string | undefined {
  if (wireguard !== undefined) return endpointAddress(peerFor(wireguard.peers ?? [], destination)?.endpoint)
  const encrypted = ipsec && policyFor(ipsec)?.tunnel?.destination
  if (encrypted !== undefined) return encrypted
  switch (link?.type) {
    case 'ipip':
    case 'sit':
    case 'ip6tnl':
      return route.gateway ?? remoteOf(link)
    case 'tun':
      return processAddress(destination, desired)
    default:
      return undefined
  }
}

function remoteOf({ settings }: LinkAnswer): string | undefined {
  const remote = settings?.remote
  return typeof remote === 'string' && remote !== '0.0.0.0' && remote !== '::' ? remote : undefined
}

/** Such as of `[2001:db8::7]:51820`. */
function endpointAddress(endpoint = ''): string | undefined {
  const [, address] = /^\[?(.+?)\]?:\d+$/.exec(endpoint) ?? []
  return address === undefined ? undefined : canonicalAddress(address)
}

/** Where a process sends what it takes from a TUN device: the agent's proxy, or charon. */
function processAddress(destination: string, desired: DesiredState | undefined): string | undefined {
  const { lease } = ownerOf(destination, desired)
  for (const { resource, actual, owners, state } of desired?.entries ?? []) {
    const name = FIELDS[resource.kind]
    if (name === undefined || lease === undefined || !owners.includes(lease.key)) continue
    if (state === 'stale' || !concerns(resource, destination)) continue
    const there = state === 'held' ? resource : actual
    const address: unknown = there && Reflect.get(there, name)
    return typeof address === 'string' ? address : undefined
  }
  return undefined
}

const FIELDS: Readonly<Record<string, string>> = { 'udp-peer': 'address', 'ike-connection': 'remoteAddress' }
