/**
 * Two networks on one host, in one process: an overlay for each, which share nothing but the process. What differs is the
 * prefix in etcd, by it the network config (its range and its VNI), and the file.
 *
 *     node examples/dist/networks.js http://10.0.0.5:2379 /run/overlay
 */
import { fileURLToPath } from 'node:url'
import { vxlan } from '@selvedge/backend-vxlan'
import { linux } from '@selvedge/dataplane-linux'
import { EtcdSubnetManager } from '@selvedge/store-etcd'
import { agent } from './agent.js'

const NETWORKS = [
  { file: 'subnet.env', prefix: '/coreos.com/network' },
  { file: 'blue.env', prefix: '/blue/network' },
]

export async function networks(endpoint: string, folder: string, signal: AbortSignal): Promise<void> {
  const running = NETWORKS.map(({ file, prefix }) =>
    agent({
      subnets: new EtcdSubnetManager({ endpoints: [endpoint], prefix }),
      backend: vxlan(),
      drivers: [linux()],
      subnetFile: `${folder}/${file}`,
      signal,
      log: (line) => console.error(`${prefix}: ${line}`),
    }),
  )
  await Promise.all(running)
}

const [, program, endpoint = '', folder = ''] = process.argv
if (program === fileURLToPath(import.meta.url)) {
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort()).once('SIGTERM', () => stop.abort())
  await networks(endpoint, folder, stop.signal)
}
