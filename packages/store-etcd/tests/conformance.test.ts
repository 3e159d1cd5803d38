import { setTimeout as sleep } from 'node:timers/promises'
import { type StoreUnderTest, subnetManagerSuite } from '@selvedge/conformance'
import { leaseKey } from '@selvedge/core'
import { encodeLeaseAttributes } from '@selvedge/core/kit'
import { TcpProxy } from '@selvedge/lab'
import { EtcdSubnetManager } from '@selvedge/store-etcd'
import { noop } from 'cockatiel'
import { Etcd3 } from 'etcd3'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { EtcdServer } from './etcd-server.js'

/** As short as the store allows, in ms. */
const TERM_MS = 5_000

/**
 * What the suite takes for the term. etcd looks for leases to end twice a second: 1.1 of this is well past the end of
 * a lease, and 0.6 of it well before.
 */
const SUITE_TERM_MS = 6_500

let etcd: EtcdServer
let admin: Etcd3
let networks = 0
/** What has to be closed with each store under test, or after it. */
const opened = new Map<StoreUnderTest, { readonly proxy: TcpProxy; readonly clients: Etcd3[] }>()

beforeAll(async () => {
  etcd = await EtcdServer.start()
  admin = new Etcd3({ hosts: etcd.endpoint })
})

afterAll(async () => {
  admin.close()
  await etcd[Symbol.asyncDispose]()
})

/** As the README makes it. */
function ownClient(endpoint: string): Etcd3 {
  return new Etcd3({
    hosts: [endpoint],
    faultHandling: { host: () => noop, global: noop },
    grpcOptions: {
      'grpc.keepalive_time_ms': 6_000,
      'grpc.keepalive_timeout_ms': 2_000,
      'grpc.max_receive_message_length': -1,
    },
  })
}

describe.concurrent.each(['endpoints', 'a client of the caller'] as const)('with %s', (way) => {
  subnetManagerSuite(
    { describe: describe.concurrent, it: it.concurrent },
    {
      async setup(config, { expires }) {
        networks += 1
        const prefix = `/network-${networks}`
        const proxy = await TcpProxy.to(etcd.port)
        const endpoint = `http://127.0.0.1:${proxy.port}`
        const clients: Etcd3[] = []
        const leaseTermMs = expires ? TERM_MS : undefined
        const setNetworkConfig = (next: object) =>
          admin.put(`${prefix}/config`).value(JSON.stringify(next)).exec()
        const putRecord = (key: string, value: string) =>
          admin.put(`${prefix}/subnets/${key}`).value(value).exec()
        if (config !== undefined) await setNetworkConfig(config)
        const store: StoreUnderTest = {
          connect() {
            if (way === 'endpoints')
              return new EtcdSubnetManager({ endpoints: [endpoint], prefix, leaseTermMs })
            const client = ownClient(endpoint)
            clients.push(client)
            return new EtcdSubnetManager({ client, prefix, leaseTermMs })
          },
          setNetworkConfig,
          putRecord,
          reserve: (lease) => putRecord(leaseKey(lease), encodeLeaseAttributes(lease.attributes)),
          advance: (milliseconds: number) => sleep(milliseconds),
          leaseTermMs: SUITE_TERM_MS,
          async interrupt(meanwhile: () => Promise<void>) {
            proxy.cut()
            await meanwhile()
            proxy.mend()
          },
        }
        opened.set(store, { proxy, clients })
        return store
      },
      async teardown(store) {
        const { proxy, clients } = opened.get(store) ?? { clients: [] }
        for (const client of clients) client.close()
        await proxy?.[Symbol.asyncDispose]()
      },
      // Half the suite's time is waiting for leases to end, which is etcd's doing, whatever the client.
      supports: { expiry: way === 'endpoints' },
    },
  )
})
