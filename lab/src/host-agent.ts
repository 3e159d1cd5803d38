/**
 * The program that runs on each host of a lab: a whole overlay in one file. Its argument is its settings as JSON; it
 * prints what happens as lines of JSON, and ends on SIGTERM or Ctrl-C, leaving traffic flowing.
 */
import { dirname, join } from 'node:path'
import { extension } from '@selvedge/backend-extension'
import { ipsec } from '@selvedge/backend-ipsec'
import { wireguard } from '@selvedge/backend-wireguard'
import { type Backend, type BackendLoader, createOverlay, type NetworkConfig } from '@selvedge/core'
import { linux } from '@selvedge/dataplane-linux'
import { firewall, trafficRules } from '@selvedge/firewall'
import { readSubnetEnv, writeSubnetEnv } from '@selvedge/node-state'
import { LocalSubnetManager } from '@selvedge/store-local'
import type { AgentEvent, AgentSettings } from './agent-protocol.js'
import { backendOf } from './backend-of.js'

const settings: AgentSettings = JSON.parse(process.argv[2] ?? '{}')
const { ipMasq = false } = settings

const ending = new AbortController()
for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => ending.abort())

const subnets = new LocalSubnetManager({ path: settings.store, leaseTermMs: settings.leaseTerm })
const previous = await readSubnetEnv(settings.subnetEnv)
const config = await subnets.getNetworkConfig({ signal: ending.signal })
const overlay = createOverlay({
  subnets,
  backends: backendsOfHost(config),
  parts: ipMasq ? [trafficRules()] : [],
  drivers: [linux(), ...(ipMasq ? [firewall()] : [])],
  previous,
  renewMarginMs: settings.renewMargin,
})

overlay.on('peer', ({ type, lease }) => print({ event: 'peer', type, lease }))
overlay.on('sync', (report) => print({ event: 'sync', ...report }))
overlay.on('drift', (drift) => print({ event: 'drift', drift }))
overlay.on('error', ({ code, message }) => print({ event: 'error', code, message }))
overlay.on('warning', (message) => print({ event: 'warning', message }))
overlay.on('mtu', () => publish())
overlay.on('lease', ({ type, lease }) => {
  print({ event: 'lease', type, lease })
  if (type === 'changed') publish()
})

try {
  await overlay.start({ signal: ending.signal })
  await publish()
  print({ event: 'ready', lease: overlay.lease, mtu: overlay.mtu })
  await overlay.whenInSync({ signal: ending.signal })
  print({ event: 'in-sync' })
  await new Promise((resolve) => ending.signal.addEventListener('abort', resolve))
} catch (error) {
  if (!ending.signal.aborted) throw error
} finally {
  await overlay.stop()
}

/** The one that the config names, and those that may have left something. Some keep it beside this host's subnet.env. */
function backendsOfHost(config: NetworkConfig): readonly (Backend | BackendLoader)[] {
  const directory = dirname(settings.subnetEnv)
  const kept = [
    extension({ folder: join(directory, 'commands'), environment: process.env }),
    ipsec({
      folder: join(directory, 'ipsec'),
      rekeySeconds: settings.rekeySeconds,
      viciUri: settings.viciUri,
    }),
    wireguard({
      keyFile: join(directory, 'wgkey'),
      socketDirectory: directory,
      implementation: settings.wireguard,
    }),
  ]
  const isNamed = kept.some(({ type }) => type === config.backend?.type)
  return isNamed ? kept : [backendOf(config), ...kept]
}

/** Writes the subnet and MTU for the CNI plugin. */
async function publish(): Promise<void> {
  try {
    await writeSubnetEnv(settings.subnetEnv, overlay.subnetEnv({ ipMasq }))
  } catch (error) {
    print({ event: 'error', code: 'SUBNET_ENV', message: String(error) })
  }
}

function print(event: AgentEvent): void {
  process.stdout.write(`${JSON.stringify(event)}\n`)
}
