import type { Backend } from '@selvedge/core'

/**
 * What a backend can do beyond the least. Everything is taken for true unless it is declared false, and a test whose
 * feature is declared false is left out.
 */
export interface BackendFeatures {
  /** IPv4 networks. */
  readonly ipv4: boolean
  /** IPv6-only networks. */
  readonly ipv6: boolean
  /** Networks of both families. */
  readonly dualStack: boolean
  /** Keys of the Backend section that mean nothing are told of by `warnings`. */
  readonly warnings: boolean
}

export interface BackendSuiteOptions {
  /**
   * Makes the backend of node number `node`: 0 is the node that is looked at, the others are its peers. A backend that
   * holds something of its node's own (a key) makes it from this number, the same at every call.
   */
  setup(node: number): Backend
  /** The network config's Backend section, where the backend needs settings to work: `{ Type: 'ipsec', PSK: '…' }`. */
  readonly section?: Readonly<Record<string, unknown>>
  readonly supports?: Partial<BackendFeatures>
  /** Of the malformed leases; drawn anew each run, and printed, where absent. */
  readonly seed?: number
}
