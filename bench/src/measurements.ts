import { measureBackendChanges } from './backend-changes.js'
import { measureBoot } from './boot.js'
import { measureCni } from './cni.js'
import { compareStarts } from './compare-starts.js'
import { measureDashboardPage } from './dashboard-page.js'
import { measureEtcdChange } from './etcd-change.js'
import { measureEtcdJoin } from './etcd-join.js'
import { measureEtcdStart } from './etcd-start.js'
import { measureKernelWrites } from './kernel-writes.js'
import { measureKubeStart } from './kube-start.js'
import { measurePages } from './pages.js'
import { measureProbes } from './probes.js'
import { measureResync } from './resync.js'
import { measureThroughput } from './throughput.js'
import { measureTrafficRules } from './traffic-rules.js'

/** What can be measured, by name. Each takes and returns plain data. */
export const measurements = {
  'kernel-writes': measureKernelWrites,
  resync: measureResync,
  pages: measurePages,
  dashboard: measureDashboardPage,
  probes: measureProbes,
  'etcd-start': measureEtcdStart,
  'etcd-change': measureEtcdChange,
  'etcd-join': measureEtcdJoin,
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
