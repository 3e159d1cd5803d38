import { measureEtcdChange } from './etcd-change.js'
import { measureEtcdJoin } from './etcd-join.js'
import { measureEtcdStart } from './etcd-start.js'
import { measureKernelWrites } from './kernel-writes.js'

/** What can be measured, by name. Each takes a number of peers and gives something that JSON can say. */
export const measurements = {
  'kernel-writes': measureKernelWrites,
  'etcd-start': measureEtcdStart,
  'etcd-change': measureEtcdChange,
  'etcd-join': measureEtcdJoin,
} satisfies Record<string, (peers: number, signal: AbortSignal) => Promise<object>>

export type MeasurementName = keyof typeof measurements
export type Measured<N extends MeasurementName> = Awaited<ReturnType<(typeof measurements)[N]>>
