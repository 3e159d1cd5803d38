/**
 * An agent of your own: what flanneld does, as a function. It leases a subnet, keeps the kernel as the leases require,
 * writes subnet.env for the CNI plugin, and stops when asked to, leaving traffic flowing.
 *
 *     npm run build && sudo node examples/dist/agent.js
 */
import { fileURLToPath } from 'node:url'
import { vxlan } from '@selvedge/backend-vxlan'
import { createOverlay, type OverlayOptions } from '@selvedge/core'
import { linux } from '@selvedge/dataplane-linux'
import { readSubnetEnv, writeSubnetEnv } from '@selvedge/node-state'
import { LocalSubnetManager } from '@selvedge/store-local'

export interface AgentOptions extends OverlayOptions {
  readonly subnetFile: string
  readonly signal: AbortSignal
  readonly log: (line: string) => void
}

export async function agent({ subnetFile, signal, log, ...composition }: AgentOptions): Promise<void> {
  const previous = await readSubnetEnv(subnetFile) // the same subnet again, if it is free
  await using overlay = createOverlay({ previous, ...composition })
  overlay.on('error', (error) => log(`error: ${error.code}: ${error.message}`))
  overlay.on('warning', (text) => log(`warning: ${text}`))
  overlay.on('peer', ({ type, lease }) => log(`peer: ${type} ${lease.subnet ?? lease.ipv6Subnet}`))

  const writeFile = () =>
    writeSubnetEnv(subnetFile, overlay.subnetEnv({ ipMasq: false })).catch((error) => log(`error: ${error}`))
  overlay.on('lease', ({ type }) => type === 'changed' && writeFile())
  overlay.on('mtu', writeFile)

  try {
    await overlay.start({ signal })
  } catch (error) {
    if (signal.aborted) return // stopped before it had started
    throw error
  }
  await writeFile()
  log(`running: ${overlay.lease.subnet ?? overlay.lease.ipv6Subnet}, MTU ${overlay.mtu}`)
  if (!signal.aborted)
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort()).once('SIGTERM', () => stop.abort())
  await agent({
    subnets: new LocalSubnetManager({
      path: '/var/lib/overlay/leases',
      config: { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } },
    }),
    backend: vxlan(),
    drivers: [linux()],
    subnetFile: '/run/overlay/subnet.env',
    signal: stop.signal,
    log: console.error,
  })
}
