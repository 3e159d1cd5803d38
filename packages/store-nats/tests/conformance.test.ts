import { setTimeout as sleep } from 'node:timers/promises'
import { connect, type NatsConnection } from '@nats-io/transport-node'
import { type StoreUnderTest, subnetManagerSuite } from '@selvedge/conformance'
import { TcpProxy } from '@selvedge/lab'
import { NatsSubnetManager } from '@selvedge/store-nats'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { NatsServer } from './nats-server.js'

/** As short as the store allows, in ms. */
const TERM_MS = 5_000

/** What the suite takes for the term: 1.1 of this is well past the end of a lease, and 0.6 of it well before. */
const SUITE_TERM_MS = 6_500

let server: NatsServer
let operator: NatsConnection
let networks = 0
const proxies = new Map<StoreUnderTest, TcpProxy>()

beforeAll(async () => {
  server = await NatsServer.start()
  operator = await connect({ servers: `127.0.0.1:${server.port}` })
})

afterAll(async () => {
  await operator.close()
  await server[Symbol.asyncDispose]()
})

subnetManagerSuite(
  { describe: describe.concurrent, it: it.concurrent },
  {
    async setup(config, { expires }) {
      networks += 1
      const bucket = `network-${networks}`
      const proxy = await TcpProxy.to(server.port)
      const leaseTermMs = expires ? TERM_MS : undefined
      const open = (port: number) =>
        new NatsSubnetManager({
          servers: [`nats://127.0.0.1:${port}`],
          bucket,
          leaseTermMs,
          // On a busy machine, all that ask at once wait for each other.
          requestTimeoutMs: 20_000,
        })
      /** As an operator does, who works past the proxy. */
      const asOperator = async <T>(work: (manager: NatsSubnetManager) => Promise<T>): Promise<T> => {
        await using manager = open(server.port)
        return await work(manager)
      }
      const setNetworkConfig = (next: object) =>
        asOperator((manager) => manager.setNetworkConfig(JSON.stringify(next)))
      if (config !== undefined) await setNetworkConfig(config)
      const store: StoreUnderTest = {
        connect: () => open(proxy.port),
        setNetworkConfig,
        reserve: (lease) => asOperator((manager) => manager.reserve(lease)),
        async putRecord(key, value) {
          const name = key.replaceAll('&', '/').replaceAll(':', '=')
          await operator.request(`$KV.${bucket}.subnets.${name}`, value)
        },
        advance: (milliseconds: number) => sleep(milliseconds),
        leaseTermMs: SUITE_TERM_MS,
        async interrupt(meanwhile: () => Promise<void>) {
          proxy.cut()
          await meanwhile()
          proxy.mend()
        },
      }
      proxies.set(store, proxy)
      return store
    },
    async teardown(store) {
      await proxies.get(store)?.[Symbol.asyncDispose]()
    },
  },
)
