/** The stores on a real etcd and a real nats-server, where they are in the READMEs. */
import { subnetManagerSuite } from '@selvedge/conformance'
import { leaseKey } from '@selvedge/core'
import { encodeLeaseAttributes } from '@selvedge/core/kit'
import { EtcdSubnetManager } from '@selvedge/store-etcd'
import { NatsSubnetManager } from '@selvedge/store-nats'
import { Etcd3 } from 'etcd3'
import { describe, it, run } from './runner.ts'

/** How many tests run at a time. */
const WIDTH = 4

/** Tests of these wait, most of them for the server, whichever the runtime. */
const supports = { expiry: false, interruptions: false }

let networks = 0
const etcd = new Etcd3({ hosts: 'http://10.0.0.5:2379' })

describe('store-etcd', () =>
  subnetManagerSuite(
    { describe, it },
    {
      async setup(config) {
        networks += 1
        const prefix = `/network-${networks}`
        const put = (key: string, value: string) => etcd.put(`${prefix}/${key}`).value(value).exec()
        const setNetworkConfig = (next: object) => put('config', JSON.stringify(next))
        const putRecord = (key: string, value: string) => put(`subnets/${key}`, value)
        if (config !== undefined) await setNetworkConfig(config)
        return {
          connect: () => new EtcdSubnetManager({ endpoints: ['http://10.0.0.5:2379'], prefix }),
          setNetworkConfig,
          putRecord,
          reserve: (lease) => putRecord(leaseKey(lease), encodeLeaseAttributes(lease.attributes)),
        }
      },
      supports,
    },
  ))

describe('store-nats', () =>
  subnetManagerSuite(
    { describe, it },
    {
      async setup(config) {
        networks += 1
        const bucket = `network-${networks}`
        const open = () => new NatsSubnetManager({ servers: ['nats://10.0.0.5:4222'], bucket })
        const asOperator = async (work: (manager: NatsSubnetManager) => Promise<unknown>) => {
          await using manager = open()
          await work(manager)
        }
        const setNetworkConfig = (next: object) =>
          asOperator((manager) => manager.setNetworkConfig(JSON.stringify(next)))
        if (config !== undefined) await setNetworkConfig(config)
        return {
          connect: open,
          setNetworkConfig,
          reserve: (lease) => asOperator((manager) => manager.reserve(lease)),
        }
      },
      supports: { ...supports, foreignRecords: false },
    },
  ))

const passed = await run(WIDTH)
etcd.close()
if (!passed) process.exitCode = 1
