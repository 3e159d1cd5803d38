import type { AbortOptions } from '@selvedge/core'
import type { LinuxInspector, PacketOrigin, RouteAnswer } from '@selvedge/dataplane-linux'
import type { AskedNeighbour, AskedPath } from './facts.js'

/** Asks the kernel for each hop of a packet's way, following its own answers. */
export async function askPath(
  kernel: LinuxInspector,
  destination: string,
  origin: PacketOrigin,
  options: AbortOptions,
): Promise<AskedPath> {
  const route = await kernel.route(destination, origin, options)
  const { device } = route
  if (device === undefined || route.type !== 'unicast') return { route }
  const link = await kernel.link(device, options)
  const neighbour = await askNeighbour(kernel, route, destination, options)
  if (link?.type === 'vxlan') {
    const macAddress = neighbour?.answer?.macAddress
    if (macAddress === undefined) return { route, link, neighbour }
    const answer = await kernel.fdb(device, macAddress, options)
    return {
      route,
      link,
      neighbour,
      fdb: { macAddress, answer },
      underlay: await askUnderlay(kernel, answer[0], options),
    }
  }
  // An IP tunnel has no neighbours: the gateway is the other end's own address.
  const isIpTunnel = link?.type === 'ipip' || link?.type === 'sit' || link?.type === 'ip6tnl'
  if (isIpTunnel) return { route, link, underlay: await askUnderlay(kernel, route.gateway, options) }
  return link?.type === 'wireguard' || link?.type === 'tun' ? { route, link } : { route, link, neighbour }
}

async function askUnderlay(
  kernel: LinuxInspector,
  address: string | undefined,
  options: AbortOptions,
): Promise<AskedPath['underlay']> {
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
