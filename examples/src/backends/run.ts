import { join } from 'node:path'
import { linux } from '@selvedge/dataplane-linux'
import { LocalSubnetManager } from '@selvedge/store-local'
import { type AgentOptions, agent } from '../agent.js'

/** What the programs of this folder differ in. */
export interface Composition {
  /** The network config, as etcd or a ConfigMap would hold it. */
  readonly config: object
  readonly backend: AgentOptions['backend']
}

/** Where this host keeps what is its own: subnet.env, keys, records. Its leases may be another file: hosts share it. */
export const [leases = '/var/lib/overlay/leases', folder = '/run/overlay'] = process.argv.slice(2)

/** Runs the agent of `agent.ts` on this host until Ctrl-C. */
export async function run({ config, backend }: Composition): Promise<void> {
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort()).once('SIGTERM', () => stop.abort())
  await agent({
    subnets: new LocalSubnetManager({ path: leases, config }),
    backend,
    drivers: [linux()],
    subnetFile: join(folder, 'subnet.env'),
    signal: stop.signal,
    log: console.error,
  })
}
