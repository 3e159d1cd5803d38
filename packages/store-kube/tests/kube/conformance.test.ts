import { subnetManagerSuite } from '@selvedge/conformance'
import { KubeCluster } from '@selvedge/lab'
import { afterAll, beforeAll, describe, it } from 'vitest'
import { NodeStore } from '../support/suite-store.js'

let cluster: KubeCluster

beforeAll(async () => {
  cluster = await KubeCluster.start()
})

afterAll(() => cluster.stop())

subnetManagerSuite(
  { describe, it },
  {
    setup: (config) => NodeStore.open(cluster, config),
    teardown: () => cluster.removeNodes(),
    // The controller manager assigns PodCIDRs, and a node keeps its own for as long as it exists.
    supports: {
      allocation: false,
      expiry: false,
      reservations: false,
      administration: false,
      versions: false,
    },
    timeoutMs: 30_000,
  },
)
