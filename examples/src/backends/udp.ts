/**
 * Packets between hosts travel in plain UDP, put there by this process: for kernels without vxlan, and networks that let
 * nothing but UDP through. It says what was carried and what was dropped, and why, when it ends.
 *
 *     npm run build && sudo node examples/dist/backends/udp.js
 */
import { ProxyCounters, udp } from '@selvedge/backend-udp'
import { run } from './run.js'

const counters = new ProxyCounters()

await run({
  config: { Network: '10.244.0.0/16' }, // no Backend section: flannel, too, takes it for udp
  backend: udp({ counters }),
})

const counted = Object.entries(counters.read()).filter(([, count]) => count > 0)
console.error(counted.map(([name, count]) => `${name} ${count}`).join(', ') || 'nothing was carried')
