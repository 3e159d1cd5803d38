/**
 * Packets travel in another IP header, 20 bytes instead of vxlan's 50, and only between hosts of different networks:
 * those of one network reach each other by plain routes, as with Calico's cross-subnet.
 *
 *     npm run build && sudo node examples/dist/backends/ipip.js
 *
 * The kernel needs the module ipip. Where it is missing, the start says so before anything is changed.
 */
import { ipip } from '@selvedge/backend-ipip'
import { run } from './run.js'

await run({
  config: { Network: '10.244.0.0/16', Backend: { Type: 'ipip', DirectRouting: true } },
  backend: ipip(),
})
