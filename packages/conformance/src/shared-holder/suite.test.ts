import {
  type Backend,
  type Driver,
  type Lease,
  type Operation,
  type OperationResult,
  OverlayError,
  type OwnershipScope,
  type Resource,
} from '@selvedge/core'
import { contains, publicAddresses, requireCidr } from '@selvedge/core/kit'
import { describe, expect, it } from 'vitest'
import { outcome } from '../../tests/outcome.js'
import type { Runner } from '../runner.js'
import { sharedHolderSuite } from './index.js'

interface CloudRoute extends Resource {
  readonly kind: 'cloud-route'
  readonly destination: string
  /** The node that it leads to. */
  readonly gateway: string
}

const cloudRoute = (destination: string, gateway: string): CloudRoute => ({
  kind: 'cloud-route',
  key: `cloud-route ${destination}`,
  destination,
  gateway,
})

/** A cloud's route table, by destination. */
class CloudTable extends Map<string, CloudRoute> {
  toText(): string {
    return [...this.values()]
      .map(({ destination, gateway }) => `${destination} via ${gateway}\n`)
      .toSorted()
      .join('')
  }
}

/** As it should be; each wrong one below overrides one method. */
class CloudDriver implements Driver<CloudRoute> {
  readonly name: string = 'cloud'
  readonly kinds = ['cloud-route'] as const
  readonly shared: boolean = true

  readonly table: CloudTable
  readonly self: string

  constructor(table: CloudTable, self: string) {
    this.table = table
    this.self = self
  }

  isOurs({ gateway, destination }: CloudRoute, { networks }: OwnershipScope): boolean {
    return gateway === this.self && isIn(destination, networks)
  }

  async snapshot(scope: OwnershipScope): Promise<readonly CloudRoute[]> {
    return [...this.table.values()].filter((route) => this.isOurs(route, scope))
  }

  async apply(operations: readonly Operation<CloudRoute>[]): Promise<readonly OperationResult[]> {
    return operations.map((operation) => this.write(operation))
  }

  write({ type, resource }: Operation<CloudRoute>): OperationResult {
    const held = this.table.get(resource.destination)
    const isHeldByAnother = held !== undefined && held.gateway !== this.self
    if (type === 'delete') {
      if (!isHeldByAnother) this.table.delete(resource.destination)
      return { ok: true }
    }
    if (isHeldByAnother) {
      const message = `${resource.destination} leads to ${held.gateway}`
      return { ok: false, error: new OverlayError('RESOURCE_CONFLICT', message) }
    }
    this.table.set(resource.destination, resource)
    return { ok: true }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

const isIn = (destination: string, networks: readonly string[]): boolean =>
  networks.some((network) => contains(requireCidr(network), requireCidr(destination)))

type MakeDriver = new (table: CloudTable, self: string) => CloudDriver

const instanceOf = (node: number) => `i-${node}`

/** Each host writes the routes of its own lease, and nothing for its peers. */
function ownRoutes(table: CloudTable, node: number, Made: MakeDriver): Backend {
  return {
    type: 'cloud',
    mtu: ({ externalInterface }) => externalInterface.mtu,
    attributes: (context) => ({
      ...publicAddresses(context),
      backendType: 'cloud',
      backendData: { instance: instanceOf(node) },
    }),
    local: ({ lease }) => routesOf(lease),
    peer: () => [],
    drivers: () => [new Made(table, instanceOf(node))],
  }
}

function routesOf({ subnet, ipv6Subnet, attributes }: Lease): CloudRoute[] {
  const { instance } = attributes.backendData as { instance: string }
  return [subnet, ipv6Subnet]
    .filter((destination) => destination !== undefined)
    .map((destination) => cloudRoute(destination, instance))
}

/** As for a kernel's route table, of which each host has its own: every host writes the routes of all its peers. */
const routesOfPeers = (...made: Parameters<typeof ownRoutes>): Backend => ({
  ...ownRoutes(...made),
  local: () => [],
  peer: routesOf,
})

const ownRoutesAndThoseOfPeers = (...made: Parameters<typeof ownRoutes>): Backend => ({
  ...ownRoutes(...made),
  peer: routesOf,
})

class ListsAll extends CloudDriver {
  override isOurs({ destination }: CloudRoute, { networks }: OwnershipScope): boolean {
    return isIn(destination, networks)
  }
}

class ListsAllOfTheHost extends CloudDriver {
  override isOurs({ gateway }: CloudRoute): boolean {
    return gateway === this.self
  }
}

class ListsForeign extends CloudDriver {
  override isOurs(route: CloudRoute, scope: OwnershipScope): boolean {
    return route.gateway === 'vpn' || super.isOurs(route, scope)
  }
}

/** What it wrote before it was started again is nobody's. */
class ForgetsItsOwn extends CloudDriver {
  readonly #written = new Set<string>()

  override isOurs(route: CloudRoute): boolean {
    return this.#written.has(route.key)
  }

  override write(operation: Operation<CloudRoute>): OperationResult {
    if (operation.type === 'put') this.#written.add(operation.resource.key)
    return super.write(operation)
  }
}

class WritesOverOthers extends CloudDriver {
  override write({ type, resource }: Operation<CloudRoute>): OperationResult {
    if (type === 'put') this.table.set(resource.destination, resource)
    else super.write({ type, resource })
    return { ok: true }
  }
}

class DeletesByKeyAlone extends CloudDriver {
  override write(operation: Operation<CloudRoute>): OperationResult {
    if (operation.type === 'put') return super.write(operation)
    this.table.delete(operation.resource.destination)
    return { ok: true }
  }
}

class SaysNothingOfSharing extends CloudDriver {
  override readonly shared = false
}

/** For peers of every host, one has to list and overwrite all that there is. */
class SharesAll extends ListsAll {
  override write({ type, resource }: Operation<CloudRoute>): OperationResult {
    if (type === 'put') this.table.set(resource.destination, resource)
    else this.table.delete(resource.destination)
    return { ok: true }
  }
}

const suiteOf =
  (makeBackend: typeof ownRoutes = ownRoutes, Made: MakeDriver = CloudDriver) =>
  (runner: Runner) =>
    sharedHolderSuite(runner, {
      setup() {
        const table = new CloudTable()
        return {
          backend: (node) => makeBackend(table, node, Made),
          addForeign: () => {
            for (const destination of ['192.168.0.0/16', '10.244.200.0/24', 'fd00:10:244:200::/64']) {
              table.set(destination, cloudRoute(destination, 'vpn'))
            }
          },
          state: () => table.toText(),
        }
      },
    })

suiteOf()({ describe, it })

describe('sharedHolderSuite fails', () => {
  it.each<[what: string, finds: RegExp, makeBackend: typeof ownRoutes, Made: MakeDriver]>([
    ["a backend whose hosts write each peer's entry", /two nodes write/, routesOfPeers, SharesAll],
    ['the same behind a driver that lists its own', /two nodes write/, routesOfPeers, CloudDriver],
    ['the same, by what a host does that knows no lease', /does not know/, routesOfPeers, SharesAll],
    ['the same, by what a host does that believes a peer to be gone', /believes/, routesOfPeers, SharesAll],
    [
      "a backend whose hosts write their own and each peer's",
      /two nodes write/,
      ownRoutesAndThoseOfPeers,
      CloudDriver,
    ],
    [
      'a driver that lists the entries of all hosts',
      /starts again|does not know|that leaves/,
      ownRoutes,
      ListsAll,
    ],
    ["a driver that lists the other overlay's", /another overlay/, ownRoutes, ListsAllOfTheHost],
    ['a driver that lists what is foreign', /none of the nodes'/, ownRoutes, ListsForeign],
    ['a driver that no longer knows its own', /starts again|no longer has/, ownRoutes, ForgetsItsOwn],
    ["a driver that writes over another host's", /puts or deletes/, ownRoutes, WritesOverOthers],
    [
      'a driver that does not say that hosts share the holder',
      /said to be shared/,
      ownRoutes,
      SaysNothingOfSharing,
    ],
    ["a driver that deletes another host's", /puts or deletes/, ownRoutes, DeletesByKeyAlone],
  ])('%s', async (_what, finds, makeBackend, Made) => {
    const { all, failed } = await outcome(suiteOf(makeBackend, Made), finds)
    expect(all).not.toEqual([])
    expect(failed).toEqual(all)
  })

  it("a backend that writes each peer's entry, and says what to do instead", async () => {
    const { messages } = await outcome(suiteOf(routesOfPeers, SharesAll), /two nodes write/)
    expect(messages[0]).toBe(
      'node 0 and node 1 both write cloud-route 10.244.3.0/24, node 1 in peer() for the lease of 10.244.3.0-24. In a ' +
        "holder that several hosts share, such as a VPC's route table, each host writes its own node's entry alone. " +
        "Return it from local() for this node's own lease, and nothing of kind cloud-route from peer(): a host whose " +
        'list of leases is old would delete what the others need.',
    )
  })

  it('a backend without a driver, and one that writes nothing', async () => {
    const noDriver = await outcome(
      suiteOf((...made) => ({ ...ownRoutes(...made), drivers: () => [] })),
      /two nodes write/,
    )
    expect(noDriver.messages[0]).toContain('there is no driver of the shared holder')
    const nothing = await outcome(
      suiteOf((...made) => ({ ...ownRoutes(...made), local: () => [] })),
      /two nodes write/,
    )
    expect(nothing.messages[0]).toContain('node 0 writes nothing to the holder')
  })
})
