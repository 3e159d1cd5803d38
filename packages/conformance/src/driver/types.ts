import type { Driver } from '@selvedge/core'
import type { KernelResource } from '@selvedge/core/kit'
import type { NotInferred } from '../not-inferred.js'

/** Optional features of a driver. Each is assumed unless it is declared false. */
export interface DriverFeatures {
  /** `preflight`. */
  readonly preflight: boolean
  /** `externalInterface`. */
  readonly externalInterface: boolean
  /** `host` of the external interface. */
  readonly host: boolean
  /** `watch`. */
  readonly watch: boolean
  /** IPv6 on the host. */
  readonly ipv6: boolean
}

/**
 * A fresh host, as a test of the suite finds it: besides loopback, its one interface with addresses is `eth0`, which is
 * up, of MTU 1500, and has 192.168.0.1/24 and (unless IPv6 is declared unsupported) fd00::1/64. There are no links of
 * type vxlan, and no routes but those to the two networks. A network namespace does well.
 */
export interface HostUnderTest {
  /** A driver of its own, as another process on this host would open. The suite disposes of it. */
  driver(): Driver<KernelResource> | Promise<Driver<KernelResource>>
  /**
   * Runs a command line of `ip` or `bridge` that changes links, addresses, routes, neighbours or fdb entries, as
   * another process does. Rejects if it is refused.
   */
  run(command: string): unknown
  /**
   * All links, addresses, routes, neighbours and fdb entries of the host as text, which is the same as long as none of
   * them changes: leave out what comes and goes by itself, such as ages, counters, the flag `tentative`, and
   * neighbours that the kernel is resolving (INCOMPLETE, FAILED).
   */
  state(): string | Promise<string>
}

/** What `driverSuite` is called with. `H` is what `setup` makes, and `teardown` takes. */
export interface DriverSuiteOptions<H extends HostUnderTest = HostUnderTest> {
  /** Makes a host. Called for every test. */
  setup(): H | Promise<H>
  /** Removes it, after every driver that the suite opened is disposed of. */
  teardown?(host: NotInferred<H>): unknown
  /** What the driver does not support. Default: it supports everything. */
  readonly supports?: Partial<DriverFeatures>
  /** How long a step may take before it counts as failed, in ms. Default: 10,000. */
  readonly timeoutMs?: number
  /** How long no event must come before it counts as never coming, in ms. Default: 250. */
  readonly quietMs?: number
}
