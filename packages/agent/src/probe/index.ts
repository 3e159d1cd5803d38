/** Probing peers by itself, without an agent. */

export { type Datagram, decodeDatagram, encodeDatagram } from './datagram.js'
export type { PathName } from './path-name.js'
export type { Direction, PathReport } from './path-state.js'
export type { Dropped, PathChange } from './probe-table.js'
export { type DroppedProbes, Prober, type ProberOptions } from './prober.js'
export type { EntryReport, Row, RowEntry } from './row-datagram.js'
export type { PeerRow } from './row-exchange.js'
