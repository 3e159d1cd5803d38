import type { HostNetwork } from '@selvedge/core'
import { canonicalCidr } from '@selvedge/core/kit'
import type { KernelState } from './state.js'
import type { RouteState } from './types.js'

/** The addresses of the host's links, the gateways of foreign routes, and where those over other links lead. */
export function hostNetwork(state: KernelState, protocol: number, external: string): HostNetwork {
  const addresses = [...state.links.values()].flatMap(({ name: link, type, addresses: own }) =>
    type === 'loopback'
      ? []
      : [...own.values()]
          .filter(({ madeByKernel }) => !madeByKernel)
          .map(({ address, prefixLength }) => ({ link, address, prefixLength })),
  )
  const connected = new Set(
    addresses.map(({ address, prefixLength }) => canonicalCidr(`${address}/${prefixLength}`)),
  )
  const foreign = [...state.routes.values()]
    .flat()
    .filter((route) => route.protocol !== protocol && isReal(route))
  const routes = foreign.flatMap(({ destination, network, link }) => {
    const isElsewhere = link !== undefined && link.name !== external && network.length > 0
    return isElsewhere && !connected.has(destination) && destination !== 'fe80::/64'
      ? [{ link: link.name, destination }]
      : []
  })
  return {
    addresses,
    gateways: [...new Set(foreign.flatMap(({ gateway }) => gateway ?? []))].sort(),
    ...(routes.length > 0 && { routes }),
  }
}

/** Overlays' routes name the base of a peer's subnet as a gateway on the link, such as flanneld's. No host has it. */
const isReal = ({ gateway, onLink, destination, network }: RouteState): boolean =>
  !onLink || !destination.startsWith(`${gateway}/`) || network.length === (network.family === 4 ? 32 : 128)
