/**
 * Packets between hosts travel encrypted, also from behind a NAT: WireGuard, with a pre-shared key besides.
 *
 *     npm run build && sudo PSK="$(wg genpsk)" node examples/dist/backends/wireguard.js
 *
 * The kernel's WireGuard carries them, or wireguard-go where the kernel has none. Each host makes a key of its own; only
 * its public half is in the lease. The PSK is the network's: every host is given the same.
 */
import { join } from 'node:path'
import { wireguard } from '@selvedge/backend-wireguard'
import { folder, run } from './run.js'

await run({
  config: {
    Network: '10.244.0.0/16',
    Backend: {
      Type: 'wireguard',
      PSK: process.env.PSK,
      PersistentKeepaliveInterval: 25, // keeps a NAT's mapping, in seconds
    },
  },
  backend: wireguard({ keyFile: join(folder, 'wireguard.key') }),
})
