import { measureEtcdChange } from './etcd-change.js'
import { measureEtcdJoin } from './etcd-join.js'
import { measureEtcdStart } from './etcd-start.js'
import { measureKernelWrites } from './kernel-writes.js'
import { measureKubeStart } from './kube-start.js'

/** What can be measured, by name. Each takes a number of peers and gives something that JSON can say. */
export const measurements = {
  'kernel-writes': measureKernelWrites,
  'etcd-start': measureEtcdStart,
  'etcd-change': measureEtcdChange,
  'etcd-join': measureEtcdJoin,
  kubernetes: measureKubeStart,
} satisfies Record<string, (peers: number, signal: AbortSignal) => Promise<object>>

export type MeasurementName = keyof typeof measurements
export type Measured<N extends MeasurementName> = Awaited<ReturnType<(typeof measurements)[N]>>
