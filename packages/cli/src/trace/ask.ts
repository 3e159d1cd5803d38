import type { AbortOptions } from '@selvedge/core'
import type { LinuxInspector, PacketOrigin, RouteAnswer } from '@selvedge/dataplane-linux'
import { askIpsec, askWireguard, underlayAddress } from './ask-tunnel.js'
import type { AskedNeighbour, AskedPath, AskedUnderlay, DesiredState } from './facts.js'

export interface AskOptions {
  readonly signal: AbortSignal
  /** It says what the kernel cannot: what a proxy sends where, and which addresses are this node's pods'. */
  readonly desired: DesiredState | undefined
}

/** Asks the kernel for each hop of a packet's way, following its own answers. */
export async function askPath(
  kernel: LinuxInspector,
  destination: string,
  origin: PacketOrigin,
  options: AskOptions,
): Promise<AskedPath> {
  const { desired, signal } = options
  const route = await kernel.route(destination, origin, options)
  const { device } = route
  if (device === undefined || route.type !== 'unicast') return { route }
  const link = await kernel.link(device, options)
  if (link?.type === 'vxlan') {
    const neighbour = await askNeighbour(kernel, route, destination, options)
    const macAddress = neighbour?.answer?.macAddress
    if (macAddress === undefined) return { route, link, neighbour }
    const answer = await kernel.fdb(device, macAddress, options)
    const underlay = await askUnderlay(kernel, answer[0], options)
    return { route, link, neighbour, fdb: { macAddress, answer }, underlay }
  }
  const wireguard = await askWireguard(link, desired, signal)
  const ipsec = await askIpsec(destination, origin, desired, signal)
  const tunnels = { link, route, wireguard, ipsec }
  const underlay = await askUnderlay(kernel, underlayAddress(tunnels, destination, desired), options)
  // Tunnels have no neighbours: the gateway is the other end's own address.
  if (underlay !== undefined || (link !== undefined && POINT_TO_POINT.includes(link.type ?? ''))) {
    return { ...tunnels, underlay }
  }
  return { ...tunnels, neighbour: await askNeighbour(kernel, route, destination, options) }
}

const POINT_TO_POINT = ['ipip', 'sit', 'ip6tnl', 'wireguard', 'tun']

async function askUnderlay(
  kernel: LinuxInspector,
  address: string | undefined,
  options: AbortOptions,
): Promise<AskedUnderlay | undefined> {
  if (address === undefined) return undefined
  const route = await kernel.route(address, {}, options)
  if (route.device === undefined || route.type !== 'unicast') return { address, route }
  return {
    address,
    route,
    link: await kernel.link(route.device, options),
    neighbour: await askNeighbour(kernel, route, address, options),
  }
}

async function askNeighbour(
  kernel: LinuxInspector,
  { device, gateway }: RouteAnswer,
  destination: string,
  options: AbortOptions,
): Promise<AskedNeighbour | undefined> {
  if (device === undefined) return undefined
  const address = gateway ?? destination
  return { link: device, address, answer: await kernel.neighbour(device, address, options) }
}
