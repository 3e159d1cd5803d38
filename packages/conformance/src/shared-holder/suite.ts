import assert from 'node:assert/strict'
import { type Lease, leaseKey, type Resource } from '@selvedge/core'
import type { SampleFamilies } from '../backend/fixture.js'
import type { Runner } from '../runner.js'
import { SharingNetwork, type SharingNode } from './network.js'
import type { SharedHolderSuiteOptions, SharedHolderUnderTest } from './types.js'

/** As the doc comments of `Backend` and `Driver` say it. */
const RULE =
  "In a holder that several hosts share, such as a VPC's route table, each host writes its own node's entry alone."

/**
 * Proves that hosts which write to one holder, such as a VPC's route table, never change or delete each other's entries,
 * nor anyone else's, with the backend and the drivers that they use together:
 *
 * ```ts
 * import { describe, it } from 'node:test'
 * sharedHolderSuite({ describe, it }, {
 *   async setup() {
 *     const cloud = await FakeCloud.start()
 *     return { backend: (node) => myBackend({ cloud, node }), addForeign: () => cloud.add(…), state: () => cloud.dump() }
 *   },
 * })
 * ```
 */
export function sharedHolderSuite<H extends SharedHolderUnderTest>(
  { describe, it }: Runner,
  options: SharedHolderSuiteOptions<H>,
): void {
  const { setup, teardown, section } = options
  const supports = { ipv4: true, ipv6: true, dualStack: true, ...options.supports }
  const families: readonly SampleFamilies[] = [
    ...(supports.ipv4 ? (['IPv4'] as const) : []),
    ...(supports.ipv6 ? (['IPv6'] as const) : []),
    ...(supports.dualStack ? (['dual-stack'] as const) : []),
  ]
  describe('a holder that hosts share', () => {
    for (const each of families) {
      describe(`in a network of ${each}`, () =>
        familyTests((name, body) =>
          it(name, async () => {
            const holder = await setup()
            const network = new SharingNetwork(holder, each, section)
            try {
              await body(network)
            } finally {
              await network[Symbol.asyncDispose]()
              await teardown?.(holder)
            }
          }),
        ))
    }
  })
}

type Test = (name: string, body: (network: SharingNetwork) => Promise<void>) => void

function familyTests(test: Test): void {
  test("has no entry that two nodes write: each writes its own node's alone", async (network) => {
    const nodes = [0, 1, 2].map((number) => network.node(number))
    const writers = new Map<string, SharingNode>()
    for (const node of nodes) {
      const entries = node.desired(leasesBut(node, nodes))
      assert.ok(entries.length > 0, `node ${node.number} writes nothing to the holder`)
      for (const { resource, peer } of entries) {
        const other = writers.get(resource.key)
        if (other === undefined || other === node) writers.set(resource.key, node)
        else assert.fail(twoWriters(resource, [other, node], peer))
      }
    }
  })

  test('is said to be shared by its drivers', async (network) => {
    for (const driver of network.node(0).drivers) {
      assert.equal(
        driver.shared,
        true,
        `the driver '${driver.name}' does not have \`shared: true\`: what a node wrote would stay when it gives its lease back`,
      )
    }
  })

  test('keeps the entries of all nodes, in whatever order they come', async (network) => {
    const nodes = [2, 0, 1].map((number) => network.node(number))
    for (const node of nodes) await node.sync(leasesBut(node, nodes))
    for (const node of nodes) await assertHoldsItsOwn(node)
    const state = await network.state()
    for (const node of nodes) await node.sync(leasesBut(node, nodes))
    assert.equal(await network.state(), state, 'nodes whose entries are all there write nothing')
  })

  test("gives a node that starts again its own entries, and no other node's", async (network) => {
    const [one, two] = [network.node(0), network.node(1)]
    await one.sync([two.lease])
    await two.sync([one.lease])
    await assertHoldsItsOwn(network.node(0))
    await assertHoldsItsOwn(network.node(1))
  })

  test("loses nothing to a node that does not know the others' leases", async (network) => {
    const [one, two] = [network.node(0), network.node(1)]
    await one.sync([two.lease])
    await two.sync([one.lease])
    const state = await network.state()
    const stranger = network.node(2)
    await stranger.sync([])
    for (const node of [one, two, stranger]) await assertHoldsItsOwn(node)
    await stranger.leave()
    assert.equal(await network.state(), state, `node 2 changed the holder beyond its own. ${RULE}`)
  })

  test('loses nothing to a node that believes that another has left', async (network) => {
    const [one, two] = [network.node(0), network.node(1)]
    await one.sync([two.lease])
    await two.sync([one.lease])
    const state = await network.state()
    await one.sync([])
    assert.equal(
      await network.state(),
      state,
      `node 0 changed the holder when the lease of node 1 went. ${RULE}`,
    )
  })

  test('loses the entries of a node that leaves, and no others', async (network) => {
    const [one, two] = [network.node(0), network.node(1)]
    await network.addForeign()
    await two.sync([one.lease])
    const state = await network.state()
    await one.sync([two.lease])
    await one.leave()
    assert.equal(await network.state(), state, 'it is not as it was before node 0 came')
    assert.deepEqual(await one.held(), [])
    await assertHoldsItsOwn(two)
  })

  test('loses the entry of a subnet that a node no longer has to that node alone', async (network) => {
    const other = network.node(1)
    const before = await network.state()
    await other.sync([])
    await network.node(0).sync([other.lease])
    const moved = network.node(0, { leaseOf: 7 })
    await moved.sync([other.lease])
    await assertHoldsItsOwn(moved)
    await assertHoldsItsOwn(other)
    await moved.leave()
    await other.leave()
    assert.equal(await network.state(), before, 'an entry is left that no node finds any more')
  })

  test("keeps what is none of the nodes', which no node lists", async (network) => {
    await network.addForeign()
    const foreign = await network.state()
    const [one, two] = [network.node(0), network.node(1)]
    for (const node of [one, two]) assert.deepEqual(await node.held(), [], 'it lists what no node wrote')
    await one.sync([two.lease])
    await two.sync([one.lease])
    await one.leave()
    await two.leave()
    assert.equal(await network.state(), foreign)
  })

  test('keeps the entries of another overlay of the same hosts', async (network) => {
    const [mine, theirs] = [network.node(0), network.node(0, { overlay: 1 })]
    await theirs.sync([])
    const before = await network.state()
    await mine.sync([])
    await assertHoldsItsOwn(mine)
    await assertHoldsItsOwn(theirs)
    await mine.leave()
    assert.equal(await network.state(), before, 'an overlay that leaves removes what is not its own')
    await assertHoldsItsOwn(theirs)
  })

  test('keeps an entry that another node holds, whoever puts or deletes it', async (network) => {
    const holding = network.node(0)
    await holding.sync([])
    const state = await network.state()
    for (const { resource } of holding.desired([])) {
      await network.node(1).apply('delete', resource)
      assert.equal(
        await network.state(),
        state,
        `node 1 deleted ${resource.key}, which node 0 holds. ${RULE}`,
      )
    }
    // Two nodes that both believe the subnet to be theirs, as when a store was restored from an old backup.
    const claiming = network.node(1, { leaseOf: 0 })
    for (const { resource } of claiming.desired([])) {
      const code = await claiming.apply('put', resource)
      await assertHoldsItsOwn(holding)
      const isHeld = holding.desired([]).some(({ resource: { key } }) => key === resource.key)
      if (isHeld)
        assert.equal(code, 'RESOURCE_CONFLICT', `what became of a put of ${resource.key}, held by node 0`)
    }
  })
}

function twoWriters(
  { key, kind }: Resource,
  [one, two]: readonly [SharingNode, SharingNode],
  peer: Lease | undefined,
): string {
  const why = peer === undefined ? 'in local()' : `in peer() for the lease of ${leaseKey(peer)}`
  return (
    `node ${one.number} and node ${two.number} both write ${key}, node ${two.number} ${why}. ${RULE} ` +
    `Return it from local() for this node's own lease, and nothing of kind ${kind} from peer(): a host whose list of ` +
    'leases is old would delete what the others need.'
  )
}

const leasesBut = (node: SharingNode, nodes: readonly SharingNode[]): readonly Lease[] =>
  nodes.filter((other) => other !== node).map(({ lease }) => lease)

/** Fails unless a node finds exactly the entries of its own lease. */
async function assertHoldsItsOwn(node: SharingNode): Promise<void> {
  const keys = (resources: readonly Resource[]) => resources.map(({ key }) => key).toSorted()
  const own = node.desired([]).map(({ resource }) => resource)
  assert.deepEqual(
    keys(await node.held()),
    keys(own),
    `what node ${node.number} finds of its own is not what it wrote. ${RULE}`,
  )
}
