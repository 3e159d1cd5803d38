/** Fills an etcd with a network config and leases of peers, as flannel writes them. `load-leases.js ENDPOINT COUNT` */
import { encodeLeaseAttributes, leaseKey } from '@selvedge/core'
import { Etcd3 } from 'etcd3'
import { NETWORK, OWN_SUBNET, peerLeases } from './peers.js'

const PREFIX = '/coreos.com/network'
/** etcd takes 128 operations in a transaction (--max-txn-ops). */
const OPERATIONS = 128

const [endpoint = '', count = ''] = process.argv.slice(2)
const client = new Etcd3({ hosts: endpoint })
try {
  // Room for this node's own lease is left in the last subnet alone, so that no benchmark measures a search.
  const [own = ''] = OWN_SUBNET.split('/')
  const config = { Network: NETWORK, SubnetMin: own, SubnetMax: own, Backend: { Type: 'vxlan' } }
  await client.put(`${PREFIX}/config`).value(JSON.stringify(config))
  const { ID } = await client.leaseClient.leaseGrant({ TTL: 86_400 })
  const leases = peerLeases(Number(count))
  for (let from = 0; from < leases.length; from += OPERATIONS) {
    const success = leases.slice(from, from + OPERATIONS).map((lease) => ({
      request_put: {
        key: Buffer.from(`${PREFIX}/subnets/${leaseKey(lease)}`),
        value: Buffer.from(encodeLeaseAttributes(lease.attributes)),
        lease: ID,
      },
    }))
    await client.kv.txn({ compare: [], success, failure: [] })
  }
} finally {
  client.close()
}
