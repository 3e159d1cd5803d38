import { type Lease, leaseKey } from '@selvedge/core'
import { encodeLeaseAttributes } from '@selvedge/core/kit'
import { Etcd3 } from 'etcd3'
import { ENDPOINT } from './etcd.js'
import type { RequestCounts, StoreClient } from './types.js'

const PREFIX = '/coreos.com/network'
/** etcd takes 128 operations in a transaction (--max-txn-ops). */
const OPERATIONS = 128
const DAY_S = 86_400

const key = (lease: Lease) => `${PREFIX}/subnets/${leaseKey(lease)}`
const value = (lease: Lease) => encodeLeaseAttributes(lease.attributes)

/** Writes as flannel does. */
export class EtcdClient implements StoreClient {
  readonly #client = new Etcd3({ hosts: ENDPOINT })

  static async connect(): Promise<EtcdClient> {
    return new EtcdClient()
  }

  async load(config: object, leases: readonly Lease[]): Promise<void> {
    await this.#client.put(`${PREFIX}/config`).value(JSON.stringify(config))
    const { ID } = await this.#client.leaseClient.leaseGrant({ TTL: DAY_S })
    for (let from = 0; from < leases.length; from += OPERATIONS) {
      const success = leases.slice(from, from + OPERATIONS).map((lease) => ({
        request_put: { key: Buffer.from(key(lease)), value: Buffer.from(value(lease)), lease: ID },
      }))
      await this.#client.kv.txn({ compare: [], success, failure: [] })
    }
  }

  async put(lease: Lease): Promise<void> {
    await this.#client.put(key(lease)).value(value(lease))
  }

  async delete(lease: Lease): Promise<void> {
    await this.#client.delete().key(key(lease))
  }

  /** By gRPC method. */
  async count(): Promise<() => Promise<RequestCounts>> {
    const before = await startedCalls()
    return async () => {
      const counts = Object.entries(await startedCalls())
      return Object.fromEntries(counts.map(([method, count]) => [method, count - (before[method] ?? 0)]))
    }
  }

  async close(): Promise<void> {
    this.#client.close()
  }
}

async function startedCalls(): Promise<RequestCounts> {
  const metrics = await (await fetch(`${ENDPOINT}/metrics`)).text()
  const started = metrics.matchAll(
    /^grpc_server_started_total\{grpc_method="(\w+)",grpc_service="etcdserverpb\..*\} (\d+)$/gm,
  )
  return Object.fromEntries([...started].map(([, method = '', count]) => [method, Number(count)]))
}
