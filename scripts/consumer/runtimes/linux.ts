/** The Linux driver, which needs Node.js: prints the code and the message of the error with which an overlay fails to start. */
import { vxlan } from '@selvedge/backend-vxlan'
import { createOverlay, isOverlayError } from '@selvedge/core'
import { linux } from '@selvedge/dataplane-linux'
import { MemoryStore, MemorySubnetManager } from '@selvedge/store-memory'

await using overlay = createOverlay({
  subnets: new MemorySubnetManager(new MemoryStore({ config: { Network: '10.244.0.0/16' } })),
  backend: vxlan(),
  drivers: [linux()],
})
try {
  await overlay.start()
} catch (error) {
  if (!isOverlayError(error)) throw error
  console.log(`${error.code}: ${error.message}`)
}
