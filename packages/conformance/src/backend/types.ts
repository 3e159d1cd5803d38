import type { Backend } from '@selvedge/core'

/**
 * Optional features of a backend. Each is assumed unless it is declared false, and the tests of a feature that is
 * declared false are left out.
 */
export interface BackendFeatures {
  /** IPv4 networks. */
  readonly ipv4: boolean
  /** IPv6-only networks. */
  readonly ipv6: boolean
  /** Networks of both families. */
  readonly dualStack: boolean
  /** `warnings` reports keys of the Backend section that have no meaning. */
  readonly warnings: boolean
}

/** What `backendSuite` is called with. */
export interface BackendSuiteOptions {
  /**
   * Makes the backend of node number `node`: 0 is the node that is looked at, the others are its peers. A backend that
   * has something of its own for each node (a key) derives it from this number, the same at every call.
   */
  setup(node: number): Backend
  /** The network config's Backend section, if the backend cannot work without settings: `{ Type: 'ipsec', PSK: '…' }`. */
  readonly section?: Readonly<Record<string, unknown>>
  /** What the backend does not support. Default: it supports everything. */
  readonly supports?: Partial<BackendFeatures>
  /** Of the malformed leases, a whole number. Default: another one each run, which the names of the tests say. */
  readonly seed?: number
}
