/**
 * One measurement, in a process of its own: starts as a node's agent would, leases, and takes the first snapshot of
 * everyone's leases. Prints, as JSON, how long that took from the start of the process (s), its CPU time (s) and its
 * peak memory (MB).
 */
import { KubeSubnetManager } from '@selvedge/store-kube'

const [access, node, networkConfig] = process.argv.slice(2)
const manager = new KubeSubnetManager({ access: JSON.parse(access), node, networkConfig })
const attributes = {
  publicIp: '192.0.2.1',
  backendType: 'vxlan',
  backendData: { VNI: 1, VtepMAC: '02:00:c0:00:02:01' },
}
await manager.acquireLease({ attributes })
const abort = new AbortController()
for await (const event of manager.watchLeases({ signal: abort.signal })) {
  const { user, system } = process.cpuUsage()
  const measured = {
    leases: event.leases.length,
    seconds: performance.now() / 1000,
    cpuSeconds: (user + system) / 1e6,
    peakMegabytes: process.resourceUsage().maxRSS / 1024,
  }
  process.stdout.write(`${JSON.stringify(measured)}\n`)
  abort.abort()
}
await manager[Symbol.asyncDispose]()
