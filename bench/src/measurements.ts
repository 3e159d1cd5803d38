import { measureBackendChanges } from './backend-changes.js'
import { measureBoot } from './boot.js'
import { measureCni } from './cni.js'
import { compareStarts } from './compare-starts.js'
import { measureDashboardPage } from './dashboard-page.js'
import { measureKernelWrites } from './kernel-writes.js'
import { measureKubeStart } from './kube-start.js'
import { measurePages } from './pages.js'
import { measureProbes } from './probes.js'
import { measureResync } from './resync.js'
import { measureStoreChange } from './store-change.js'
import { measureStoreJoin } from './store-join.js'
import { measureStoreRest } from './store-rest.js'
import { measureStoreStart } from './store-start.js'
import { measureThroughput } from './throughput.js'
import { measureTrafficRules } from './traffic-rules.js'

/** What can be measured, by name. Each takes and returns plain data. */
export const measurements = {
  'kernel-writes': measureKernelWrites,
  resync: measureResync,
  pages: measurePages,
  dashboard: measureDashboardPage,
  probes: measureProbes,
  'store-start': measureStoreStart,
  'store-change': measureStoreChange,
  'store-join': measureStoreJoin,
  'store-rest': measureStoreRest,
  kubernetes: measureKubeStart,
  'traffic-rules': measureTrafficRules,
  throughput: measureThroughput,
  cni: measureCni,
  boot: measureBoot,
  'backend-changes': measureBackendChanges,
  'compare-starts': compareStarts,
}

export type MeasurementName = keyof typeof measurements
/** Those that take a number, of peers in most. */
export type BenchmarkName = Exclude<MeasurementName, 'compare-starts'>
export type MeasurementInput<N extends MeasurementName> = Parameters<(typeof measurements)[N]>[0]
export type Measured<N extends MeasurementName> = Awaited<ReturnType<(typeof measurements)[N]>>
