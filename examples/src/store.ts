/**
 * A store of your own, on any database that can change a document in a transaction (`document.ts` stands in for one).
 * Leases never end here, and nothing else writes to the document. `subnetManagerSuite` proves it: see `store.test.ts`.
 */
import { type Lease, leaseKey, parseNetworkConfig, type SubnetManager } from '@selvedge/core'
import { chooseSubnets, decodeLease, encodeLeaseAttributes, requireHeld, sameNode } from '@selvedge/core/kit'
import type { Contents, Document } from './document.js'

const leasesIn = ({ leases }: Contents) => [...leases].map(([key, value]) => decodeLease(key, value))

function put({ leases }: Contents, lease: Lease): Lease {
  leases.set(leaseKey(lease), encodeLeaseAttributes(lease.attributes))
  return lease
}

function find({ leases }: Contents, key: string): Lease | undefined {
  const value = leases.get(key)
  return value === undefined ? undefined : decodeLease(key, value)
}

export const documentStore = (document: Document): SubnetManager => ({
  name: 'document',
  async getNetworkConfig(options = {}) {
    for await (const { config } of document.watch(options)) if (config) return parseNetworkConfig(config)
    throw options.signal?.reason
  },
  async acquireLease(request, options = {}) {
    const config = await this.getNetworkConfig(options) // waits for one
    return document.transact(options, (contents) => {
      const choice = chooseSubnets({ config, request, leases: leasesIn(contents) })
      for (const lease of choice.givenUp) contents.leases.delete(leaseKey(lease))
      return put(contents, { ...choice.subnets, attributes: choice.attributes })
    })
  },
  renewLease: async (lease, { attributes = lease.attributes, ...options } = {}) =>
    document.transact(options, (contents) => {
      requireHeld(lease, find(contents, leaseKey(lease)), attributes) // throws LEASE_LOST
      return put(contents, { ...lease, attributes })
    }),
  releaseLease: async (lease, options = {}) =>
    document.transact(options, (contents) => {
      const held = find(contents, leaseKey(lease))
      if (held && sameNode(held.attributes, lease.attributes)) contents.leases.delete(leaseKey(held))
    }),
  async *watchLeases({ signal }) {
    for await (const contents of document.watch({ signal }))
      yield { type: 'snapshot', leases: leasesIn(contents) }
  },
  [Symbol.asyncDispose]: () => document[Symbol.asyncDispose](),
})
