/** Probing peers by itself, without an agent. */

export { type Datagram, decodeDatagram, encodeDatagram } from './datagram.js'
export type { Direction, PathReport } from './path-state.js'
export type { Dropped, PathChange } from './probe-table.js'
export { type DroppedProbes, Prober, type ProberOptions } from './prober.js'
