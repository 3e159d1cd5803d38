import type { Driver, Operation, OwnershipScope } from '@selvedge/core'
import {
  type FdbResource,
  fdb,
  type KernelResource,
  type LinkResource,
  link,
  type NeighbourResource,
  neighbour,
  type RouteResource,
  route,
} from '@selvedge/core/kit'
import { expect } from 'vitest'

export const SCOPE: OwnershipScope = {
  aliases: ['selvedge test'],
  links: ['flannel.1'],
  networks: ['10.0.0.0/8', 'fd99::/48'],
  externalInterface: 'eth0',
  onLink: ['192.168.0.0/24'],
}

export const vxlan = (fields: Partial<Omit<LinkResource, 'kind' | 'key'>> = {}): LinkResource =>
  link({
    name: 'flannel.1',
    type: 'vxlan',
    mtu: 1450,
    macAddress: '02:aa:00:00:00:01',
    alias: 'selvedge test',
    acceptRouterAdvertisements: false,
    settings: { vni: 1, port: 8472, local: '192.168.0.1', parent: 'eth0', learning: false, gbp: false },
    ...fields,
  })

export interface Peer {
  readonly fdb: FdbResource
  readonly neighbour: NeighbourResource
  readonly route: RouteResource
}

/** Peer `number`, 0 to 65535, with a /24 of its own. */
export function peer(number: number): Peer {
  const base = `10.${number >> 8}.${number & 255}.0`
  const hex = number.toString(16).padStart(4, '0')
  const macAddress = `02:bb:00:00:${hex.slice(0, 2)}:${hex.slice(2)}`
  return {
    fdb: fdb({ link: 'flannel.1', macAddress, destination: `192.169.${number >> 8}.${number & 255}` }),
    neighbour: neighbour({ link: 'flannel.1', address: base, macAddress }),
    route: route({ destination: `${base}/24`, gateway: base, device: 'flannel.1', onLink: true }),
  }
}

export const puts = (...resources: readonly KernelResource[]): Operation<KernelResource>[] =>
  resources.map((resource) => ({ type: 'put', resource }))

export const deletes = (...resources: readonly KernelResource[]): Operation<KernelResource>[] =>
  resources.map((resource) => ({ type: 'delete', resource }))

/** Applies, and expects all to succeed. */
export async function done(
  driver: Driver<KernelResource>,
  operations: readonly Operation<KernelResource>[],
): Promise<void> {
  const results = await driver.apply(operations)
  expect(results.flatMap((result) => (result.ok ? [] : [result.error.message]))).toEqual([])
  expect(results).toHaveLength(operations.length)
}
