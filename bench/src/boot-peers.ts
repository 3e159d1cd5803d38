/**
 * Runs in the namespace of an etcd, in place of an agent on each of many hosts:
 *
 *     boot-peers.js ENDPOINT LEASES NAMESPACE…
 *
 * An overlay for each namespace, by the library, and so many leases in all: the rest are other nodes', which do not run.
 * Prints the subnets of its overlays once all are in sync.
 */
import { vxlan } from '@selvedge/backend-vxlan'
import { createOverlay, leaseKey } from '@selvedge/core'
import { encodeLeaseAttributes } from '@selvedge/core/kit'
import { linux } from '@selvedge/dataplane-linux'
import { EtcdSubnetManager } from '@selvedge/store-etcd'
import { Etcd3 } from 'etcd3'
import { NETWORK, peerLeases } from './peers.js'

const PREFIX = '/coreos.com/network'

const [endpoint = '', leases = '', ...namespaces] = process.argv.slice(2)

const client = new Etcd3({ hosts: endpoint })
await client.put(`${PREFIX}/config`).value(JSON.stringify({ Network: NETWORK, Backend: { Type: 'vxlan' } }))
for (const lease of peerLeases(Number(leases) - namespaces.length)) {
  await client.put(`${PREFIX}/subnets/${leaseKey(lease)}`).value(encodeLeaseAttributes(lease.attributes))
}
client.close()

const overlays = namespaces.map((name) =>
  createOverlay({
    subnets: new EtcdSubnetManager({ endpoints: [endpoint] }),
    backend: vxlan(),
    drivers: [linux({ namespace: `/run/netns/${name}` })],
  }),
)
// What fails is tried again.
for (const overlay of overlays) overlay.on('error', () => undefined)
for (const overlay of overlays) await overlay.start({ retry: true })
for (const overlay of overlays) await overlay.whenInSync()
process.stdout.write(`${JSON.stringify(overlays.map(({ lease }) => lease.subnet))}\n`)
process.once('SIGTERM', async () => {
  await Promise.all(overlays.map((overlay) => overlay.stop()))
})
