/**
 * An edge host that knows one URL of NATS and nothing else. The first host to come writes the config of the network, each
 * leases a subnet, and boots with nothing, as `edge.ts` does: see docs/guides/edge-on-nats.md.
 *
 *     npm run build && sudo node examples/dist/edge-on-nats.js nats://10.0.0.5:4222 /var/lib/edge
 */
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { vxlan } from '@selvedge/backend-vxlan'
import { isOverlayError } from '@selvedge/core'
import { linux } from '@selvedge/dataplane-linux'
import { credsFile, NatsSubnetManager, type NatsSubnetManagerOptions, nkeyFile } from '@selvedge/store-nats'
import { edge } from './edge.js'

/** What the first host writes. From then on, what is in NATS counts. */
const CONFIG = { Network: '10.244.0.0/16', Backend: { Type: 'vxlan' } }

/** @param folder of this host, on a disk that outlives a reboot */
export async function edgeOnNats(nats: NatsSubnetManagerOptions, folder: string): Promise<void> {
  const end = new AbortController() // a supervisor, such as systemd, starts it again
  process.once('SIGTERM', () => end.abort())
  const log = console.error
  const found = async (): Promise<void> => {
    try {
      // Of hosts that come at once, one is first: null says that there must be no config yet.
      await subnets.setNetworkConfig(CONFIG, { replaces: null, signal: end.signal })
      log('the first host: it has written the network config')
    } catch (error) {
      if (isOverlayError(error) && error.code === 'CONFIG_CHANGED') return
      log(`error: ${error}`)
      end.abort()
    }
  }
  const subnets = new NatsSubnetManager({
    ...nats,
    onWaiting: ({ code, message }) => void (code === 'CONFIG_NOT_FOUND' ? found() : log(message)),
  })
  const parts = { subnets, backend: vxlan(), drivers: [linux()], store: `nats ${nats.servers}` }
  const files = { cacheFile: join(folder, 'leases'), subnetFile: join(folder, 'subnet.env') }
  await edge(end, { ...parts, ...files, log })
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const text = { type: 'string' } as const
  const options = { creds: text, nkey: text, ca: text, domain: text }
  const { values, positionals } = parseArgs({ allowPositionals: true, options })
  const { creds, nkey, ca, domain } = values
  const [url = '', folder = ''] = positionals
  const credentials = (creds && credsFile(creds)) || (nkey && nkeyFile(nkey)) || undefined
  await edgeOnNats({ servers: [url], credentials, tls: ca ? { caFile: ca } : undefined, domain }, folder)
}
