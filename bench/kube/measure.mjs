/**
 * One measurement, in a process of its own: a node's overlay from the start of the process until the kernel holds what
 * the leases of all nodes call for. Prints, as JSON, when the leases were known and when all was in the kernel (s), the
 * CPU time (s) and the peak memory (MB) until then.
 */
import { vxlan } from '@selvedge/backend-vxlan'
import { createOverlay } from '@selvedge/core'
import { linux } from '@selvedge/dataplane-linux'
import { KubeSubnetManager } from '@selvedge/store-kube'

const [access, node, networkConfig, namespace] = process.argv.slice(2)

/** When the first snapshot was told, and of how many leases. */
let known

class Timed extends KubeSubnetManager {
  async *watchLeases(options) {
    for await (const event of super.watchLeases(options)) {
      known ??= { seconds: performance.now() / 1000, leases: event.leases.length }
      yield event
    }
  }
}

const overlay = createOverlay({
  subnets: new Timed({ access: JSON.parse(access), node, networkConfig }),
  backend: vxlan(),
  drivers: [linux({ namespace })],
})
await overlay.start()
while (known === undefined) await new Promise((resolve) => setTimeout(resolve, 1))
await overlay.whenInSync()
const { user, system } = process.cpuUsage()
const measured = {
  leases: known.leases,
  known: known.seconds,
  converged: performance.now() / 1000,
  cpu: (user + system) / 1e6,
  peak: process.resourceUsage().maxRSS / 1024,
}
process.stdout.write(`${JSON.stringify(measured)}\n`)
await overlay.stop()
