/** What the agent answers at `matrix`: who has found what about whom. */
export interface MatrixPage {
  /** When it was put together, in ms since the epoch. */
  readonly at: number
  /** Of this node and its peers. */
  readonly total: number
  /** Each node's row is asked for about this often, in ms. */
  readonly everyMs: number
  /** How many nodes' rows could be shown, of which these are the first. */
  readonly matching: number
  /** Those that rows and columns are about. */
  readonly nodes: readonly MatrixNode[]
  /** The columns, by their places in `nodes`. */
  readonly columns: readonly number[]
  readonly rows: readonly MatrixRow[]
}

export interface MatrixNode {
  readonly key: string
  /** Its first subnet. */
  readonly name: string
  readonly address: string
}

export interface MatrixRow {
  /** Its place in `nodes`. */
  readonly node: number
  /**
   * `own`: this node's. `known`: as the node has said. `old`: it has said nothing for some time. `unknown`: it has not said
   * anything: not asked yet, older than rows, or without probes.
   */
  readonly state: 'own' | 'known' | 'old' | 'unknown'
  /** How many paths the node has, how many do not work, and how many have losses; absent if unknown. */
  readonly paths?: number | undefined
  readonly unreachable?: number | undefined
  readonly lossy?: number | undefined
  /** What it has found about nodes, by their places in `nodes`. */
  readonly cells: readonly MatrixCell[]
}

/** Loss is a share, 0 to 1, round trip in ms; null if unknown. The fault is as that of `PeerRow`; null if there is none. */
export type MatrixCell = readonly [
  node: number,
  loss: number | null,
  rttMs: number | null,
  fault: 'outbound' | 'inbound' | 'unknown' | null,
]
