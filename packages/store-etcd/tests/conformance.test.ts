import { setTimeout as sleep } from 'node:timers/promises'
import { type StoreUnderTest, subnetManagerSuite } from '@selvedge/conformance'
import { leaseKey } from '@selvedge/core'
import { encodeLeaseAttributes } from '@selvedge/core/kit'
import { EtcdSubnetManager } from '@selvedge/store-etcd'
import { Etcd3 } from 'etcd3'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { EtcdServer } from './etcd-server.js'
import { TcpProxy } from './tcp-proxy.js'

/** As short as the store allows, in ms. */
const TERM = 5_000

/**
 * What the suite takes for the term. etcd looks for leases to end twice a second: 1.1 of this is well past the end of
 * a lease, and 0.6 of it well before.
 */
const SUITE_TERM = 6_500

let etcd: EtcdServer
let admin: Etcd3
let networks = 0
/** What stands between each store under test and its etcd. */
const proxies = new Map<StoreUnderTest, TcpProxy>()

beforeAll(async () => {
  etcd = await EtcdServer.start()
  admin = new Etcd3({ hosts: etcd.endpoint })
})

afterAll(async () => {
  admin.close()
  await etcd[Symbol.asyncDispose]()
})

subnetManagerSuite(
  { describe: describe.concurrent, it: it.concurrent },
  {
    async setup(config) {
      networks += 1
      const prefix = `/network-${networks}`
      const proxy = await TcpProxy.to(etcd.port)
      const setNetworkConfig = (next: object) =>
        admin.put(`${prefix}/config`).value(JSON.stringify(next)).exec()
      const putRecord = (key: string, value: string) =>
        admin.put(`${prefix}/subnets/${key}`).value(value).exec()
      if (config !== undefined) await setNetworkConfig(config)
      const store: StoreUnderTest = {
        connect: () =>
          new EtcdSubnetManager({
            endpoints: [`http://127.0.0.1:${proxy.port}`],
            prefix,
            leaseTermMs: TERM,
          }),
        setNetworkConfig,
        putRecord,
        reserve: (lease) => putRecord(leaseKey(lease), encodeLeaseAttributes(lease.attributes)),
        advance: (milliseconds: number) => sleep(milliseconds),
        leaseTermMs: SUITE_TERM,
        async interrupt(meanwhile: () => Promise<void>) {
          proxy.cut()
          await meanwhile()
          proxy.mend()
        },
      }
      proxies.set(store, proxy)
      return store
    },
    teardown: async (store) => proxies.get(store)?.[Symbol.asyncDispose](),
  },
)
