/**
 * An edge host that may boot with nothing but `lo`: subnet.env is there at once, from what the host knew when it was
 * switched off; the uplink, and the store behind it, are taken up when they come.
 *
 *     npm run build && sudo node examples/dist/edge.js http://10.0.0.5:2379 /var/lib/edge/leases /run/edge/subnet.env
 */
import { fileURLToPath } from 'node:url'
import { vxlan } from '@selvedge/backend-vxlan'
import { type ChosenInterface, createOverlay, leaseKey, type OverlayOptions } from '@selvedge/core'
import { linux } from '@selvedge/dataplane-linux'
import { CachedSubnetManager, LeaseFile, SubnetEnvFile } from '@selvedge/node-state'
import { EtcdSubnetManager } from '@selvedge/store-etcd'

export interface EdgeOptions extends OverlayOptions {
  readonly store: string // tells one store from another: what is known of another is not used
  readonly cacheFile: string // on a disk that outlives a reboot
  readonly subnetFile: string
  readonly log: (line: string) => void
}

/** Resolves when `end` aborts, which a change of the network config does, too. */
export async function edge(end: AbortController, options: EdgeOptions): Promise<void> {
  const { store, cacheFile, subnetFile, log, ...parts } = options
  let uplink: ChosenInterface | undefined
  const cache = new LeaseFile({ path: cacheFile, store, externalInterface: () => uplink, onWarning: log })
  const observer = { onConfigChanged: () => end.abort() }
  const subnets = new CachedSubnetManager({ subnets: options.subnets, cache, observer })
  await using file = new SubnetEnvFile({ path: subnetFile, onError: (error) => log(`error: ${error}`) })
  const previous = { ...(await file.read()), ...(await cache.loadNode()) }
  await using overlay = createOverlay({ ...parts, subnets, previous })
  const publish = () => {
    uplink = overlay.externalInterface
    file.publish(overlay.subnetEnv({ ipMasq: false }))
  }
  overlay.on('joined', publish).on('mtu', publish)
  overlay.on('joined', () => log(`joined: ${leaseKey(overlay.lease)}, MTU ${overlay.mtu}`))
  overlay.on('peer', ({ type, lease }) =>
    log(`${type === 'put' ? 'peer' : 'peer gone'}: ${leaseKey(lease)} at ${lease.attributes.publicIp}`),
  )
  overlay.on('lease', ({ type }) => type === 'changed' && publish())
  overlay.on('uplink', (event) =>
    log(event.type === 'found' ? `uplink: ${event.externalInterface.name}` : `no uplink: ${event.why}`),
  )
  overlay.on('error', ({ code, message }) => log(`error: ${code}: ${message}`))
  const ended = new Promise((resolve) => end.signal.addEventListener('abort', resolve))
  await Promise.race([overlay.start({ retry: true }), ended]) // rejects for missing rights, or kernel features
  await ended
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [, , endpoint = '', cacheFile = '', subnetFile = ''] = process.argv
  const end = new AbortController() // a supervisor, such as systemd, starts it again
  process.once('SIGTERM', () => end.abort())
  const subnets = new EtcdSubnetManager({ endpoints: [endpoint] })
  const parts = { subnets, backend: vxlan(), drivers: [linux()] }
  await edge(end, { ...parts, store: endpoint, cacheFile, subnetFile, log: console.error })
}
