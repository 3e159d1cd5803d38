/**
 * Commands of your own do the work of a backend: here, static routes by `ip`. A router's API, or `tailscale set
 * --advertise-routes=$SUBNET` as a PostStartupCommand, would be used in the same way.
 *
 *     npm run build && sudo node examples/dist/backends/extension.js
 *
 * A command that fails is run again. A peer that left while this program was not running is removed at its next start.
 */
import { join } from 'node:path'
import { extension } from '@selvedge/backend-extension'
import { folder, run } from './run.js'

await run({
  config: {
    Network: '10.244.0.0/16',
    Backend: {
      Type: 'extension',
      PreStartupCommand: 'uname -r', // what it prints is published in this host's lease
      SubnetAddCommand: 'ip route replace $SUBNET via $PUBLIC_IP',
      SubnetRemoveCommand: 'ip route del $SUBNET via $PUBLIC_IP',
    },
  },
  backend: extension({ folder: join(folder, 'commands') }),
})
