import { type Clock, isOverlayError, type OwnershipScope } from '@selvedge/core'
import { type Family, type KernelResource, systemClock } from '@selvedge/core/kit'
import { runCommand } from './commands.js'
import { type Attempt, FakeDriver, type FakeDriverOptions, type FakeKernelDriver } from './driver.js'
import { FakeKernelError } from './errors.js'
import { type Delays, type FaultOptions, FaultPlan, type Trouble } from './faults.js'
import { FakeFirewall, type FakeFirewallDriver } from './firewall-driver.js'
import {
  addAddress,
  addLink,
  changeLink,
  deleteAddress,
  deleteLink,
  type FakeLink,
  type FakeLinkChange,
  splitAddress,
} from './links.js'
import {
  addFdbEntry,
  addNeighbour,
  deleteFdbEntry,
  deleteNeighbour,
  type FakeFdbEntry,
  type FakeNeighbour,
} from './neighbours.js'
import { ownershipOf } from './ownership.js'
import type { FakeRequest, RequestRecord, WriteRecord } from './requests.js'
import { addRoute, deleteRoute, type FakeRoute, type FakeRouteMatch } from './routes.js'
import { runRulesetCommand } from './ruleset-commands.js'
import { Rulesets } from './rulesets.js'
import { KernelState } from './state.js'
import { stateText } from './text.js'
import type { Change } from './types.js'
import { deleteResource } from './write.js'

/** An interface that the host of a `FakeKernel` has from the start. */
export interface FakeInterface {
  /** Default: `eth0`. */
  readonly name?: string | undefined
  /** In bytes. Default: 1500. */
  readonly mtu?: number | undefined
  /** Default: one that no other link has. */
  readonly macAddress?: string | undefined
  /** With their prefix lengths. Default: `192.168.0.1/24` alone. */
  readonly addresses?: readonly string[] | undefined
}

/** The host that a `FakeKernel` is of. */
export interface FakeKernelOptions {
  /** The interfaces of the host, which are up. Default: one with all defaults. */
  readonly interfaces?: readonly FakeInterface[] | undefined
  /** For the delays of `slow`. Default: the system's. */
  readonly clock?: Clock | undefined
  /** If false, every write fails with EPERM, and a driver's `preflight` says so. Default: true. */
  readonly privileged?: boolean | undefined
  /** Types of links that the kernel has. Default: `vxlan`, `bridge`, `veth` and `tun`. */
  readonly linkTypes?: readonly string[] | undefined
}

/**
 * The links, addresses, routes, neighbours and fdb entries of one host, in memory, with Linux's own
 * rules: what is removed when a link goes down, what a request fails with, what comes back by itself. Each rule was
 * observed on Linux 6.18. Not modelled: the table of local addresses, secondary IPv4 addresses,
 * nexthop objects, multipath routes, carrier.
 *
 * `driver()` gives an overlay its hands. The other methods are what other processes do: an operator's `ip`, flanneld, a
 * routing daemon. They throw `FakeKernelError` with the errno that Linux answers.
 */
export class FakeKernel {
  readonly #state = new KernelState()
  readonly #faults = new FaultPlan()
  readonly #drivers = new Set<FakeDriver>()
  readonly #rulesets = new Rulesets()
  readonly #firewalls = new Set<FakeFirewall>()
  readonly #options: FakeKernelOptions
  #acting: FakeDriver | undefined
  #filtering: FakeFirewall | undefined
  #changes: Change[] = []
  /** What drivers asked for, since the start or since the array was emptied (`requests.length = 0`). */
  readonly requests: RequestRecord[] = []

  constructor(options: FakeKernelOptions = {}) {
    this.#options = options
    for (const { name = 'eth0', mtu, macAddress, addresses = ['192.168.0.1/24'] } of options.interfaces ?? [
      {},
    ]) {
      addLink(this.#state, { name, type: 'veth', mtu, macAddress, up: true })
      for (const address of addresses) addAddress(this.#state, name, ...splitAddress(address))
    }
    this.#rulesets.onChange = () => {
      if (this.#faults.dropNotifications) return
      for (const driver of this.#firewalls) if (driver !== this.#filtering) driver.report({ type: 'changed' })
    }
    this.#state.onChange = (change) => {
      if (this.#acting !== undefined) this.#changes.push(change)
      if (this.#faults.dropNotifications) return
      for (const driver of this.#drivers) if (driver !== this.#acting) driver.notice(change)
    }
  }

  /** A new driver on this host. Each overlay has its own, as each process has its own sockets. */
  driver(options: FakeDriverOptions = {}): FakeKernelDriver {
    const driver = new FakeDriver(
      {
        state: this.#state,
        clock: this.#options.clock ?? systemClock,
        faults: this.#faults,
        privileged: this.#options.privileged ?? true,
        linkTypes: this.#options.linkTypes ?? ['vxlan', 'bridge', 'veth', 'tun'],
        record: (record) => void this.requests.push(record),
        attempt: (acting, act) => this.#attempt(acting, act),
        undo: (resource) => deleteQuietly(this.#state, resource, driver.protocol),
        closed: (closed) => void this.#drivers.delete(closed),
      },
      options,
    )
    this.#drivers.add(driver)
    return driver
  }

  /** The driver of this host's rulesets, beside `driver()`: what `firewall()` of `@selvedge/firewall` is beside `linux()`. */
  firewall(): FakeFirewallDriver {
    const driver = new FakeFirewall({
      rulesets: this.#rulesets,
      clock: this.#options.clock ?? systemClock,
      faults: this.#faults,
      privileged: this.#options.privileged ?? true,
      record: (record) => void this.requests.push(record),
      acting: (acting, act) => {
        this.#filtering = acting
        try {
          act()
        } finally {
          this.#filtering = undefined
        }
      },
    })
    this.#firewalls.add(driver)
    return driver
  }

  #attempt(driver: FakeDriver, act: () => void): Attempt {
    const changes: Change[] = []
    this.#acting = driver
    this.#changes = changes
    try {
      act()
      return { changes }
    } catch (error) {
      if (error instanceof FakeKernelError || isOverlayError(error)) return { changes, error }
      throw error
    } finally {
      this.#acting = undefined
    }
  }

  /** The requests that wrote: those of type `put` and `delete`, refused ones too. */
  get writes(): readonly WriteRecord[] {
    return this.requests.filter((request) => request.type !== 'snapshot')
  }

  /** Everything that the kernel holds, a line each, as `ip` and `bridge` print it, in an order that is always the same. */
  toText(): string {
    return stateText(this.#state)
  }

  /** What `iptables-save` prints (`ip6tables-save` for 6), without its comments and counts. */
  iptablesSave(family: Family = 4): string {
    return this.#rulesets.iptablesSave(family)
  }

  /** What `nft list ruleset` prints, without counts and what iptables-nft holds. */
  nftListRuleset(): string {
    return this.#rulesets.nftListRuleset()
  }

  // What others do.

  /**
   * Carries out a command line of `ip`, `bridge`, `iptables` or `nft` as an operator would type it, such as
   * `ip route del 10.244.2.0/24` or `bridge fdb add c6:d2:32:6f:8f:44 dev flannel.1 dst 192.168.0.2`: the commands
   * that change what is modelled here, in their plain forms. Throws a TypeError for what it does not understand.
   */
  run(line: string): void {
    if (!runRulesetCommand(this.#rulesets, line)) runCommand(this.#state, line)
  }

  /** As `ip link add`. Throws EEXIST if there is one of this name, or a VXLAN link of this VNI, port and family. */
  addLink(link: FakeLink): void {
    addLink(this.#state, link)
  }

  /** Changes a link in place: name, MTU, MAC, up or down, alias. */
  changeLink(name: string, change: FakeLinkChange): void {
    changeLink(this.#state, name, change)
  }

  /**
   * As `ip link del`, with all that is on it, and the VXLAN links whose parent it is. Throws ENODEV if there is none.
   */
  deleteLink(name: string): void {
    deleteLink(this.#state, name)
  }

  /**
   * As `ip addr add`. Throws EEXIST if the link has it already.
   *
   * @param address with its prefix length: `10.244.1.0/32`
   */
  addAddress(link: string, address: string): void {
    addAddress(this.#state, link, ...splitAddress(address))
  }

  /** As `ip addr del`. Throws EADDRNOTAVAIL if the link does not have it. */
  deleteAddress(link: string, address: string): void {
    deleteAddress(this.#state, link, ...splitAddress(address))
  }

  /** As `ip route add`: of protocol `boot` unless it says otherwise. */
  addRoute(route: FakeRoute): void {
    addRoute(this.#state, route, 'add')
  }

  /** As `ip route replace`: takes the place of the first route of that key, whoever made it. */
  replaceRoute(route: FakeRoute): void {
    addRoute(this.#state, route, 'replace')
  }

  /** As `ip route append`: behind the routes of that key. */
  appendRoute(route: FakeRoute): void {
    addRoute(this.#state, route, 'append')
  }

  /** As `ip route del`: the first route of that key that matches, whoever made it. */
  deleteRoute(match: FakeRouteMatch): void {
    deleteRoute(this.#state, match)
  }

  /** As `ip neigh add`. Throws EEXIST if the link has an entry for the address. */
  addNeighbour(neighbour: FakeNeighbour): void {
    addNeighbour(this.#state, neighbour, 'add')
  }

  /** As `ip neigh replace`, whoever made the entry that is there. */
  replaceNeighbour(neighbour: FakeNeighbour): void {
    addNeighbour(this.#state, neighbour, 'replace')
  }

  /** As `ip neigh del`. Throws ENOENT if there is no entry. */
  deleteNeighbour(link: string, address: string): void {
    deleteNeighbour(this.#state, link, address)
  }

  /** As `bridge fdb add`; `appendFdb` for one more destination of a multicast or the all-zero MAC. */
  addFdb(entry: FakeFdbEntry): void {
    addFdbEntry(this.#state, entry, 'add')
  }

  /**
   * As `bridge fdb append`: one more destination of a multicast or the all-zero MAC. For a unicast MAC that has one
   * it does nothing, as in Linux.
   */
  appendFdb(entry: FakeFdbEntry): void {
    addFdbEntry(this.#state, entry, 'append')
  }

  /** As `bridge fdb replace`, whoever made the entry that is there. Not for a multicast or the all-zero MAC. */
  replaceFdb(entry: FakeFdbEntry): void {
    addFdbEntry(this.#state, entry, 'replace')
  }

  /** Every entry for the MAC, or the one to `destination`. */
  deleteFdb(link: string, macAddress: string, destination?: string): void {
    deleteFdbEntry(this.#state, link, macAddress, destination)
  }

  // What goes wrong.

  /** Makes requests of drivers fail: the next write, unless the options say which, after how many and how often. */
  fail(fault: FaultOptions): Trouble {
    return this.#faults.fail(fault)
  }

  /** Another process deletes what drivers put, at once and every time: what `when` picks, or every route. */
  fight(when: (request: FakeRequest) => boolean = isRoute): Trouble {
    return this.#faults.fight(when)
  }

  /**
   * Kills the process of the driver that makes the write after `after` more of them: that write and the rest of its
   * batch are not made, the call rejects with `CLOSED`, and the driver is dead.
   */
  crash({ after = 0, when = () => true }: Partial<Pick<FaultOptions, 'after' | 'when'>> = {}): Trouble {
    return this.#faults.crash(after, when)
  }

  /** How long reads and writes take from now on. */
  slow(delays: Delays): void {
    this.#faults.delays = delays
  }

  /** Whether drivers get no notification of foreign changes, as if each were lost without a trace. */
  set dropNotifications(drop: boolean) {
    this.#faults.dropNotifications = drop
  }

  /** The sockets of all drivers overflow: each reports that notifications were lost. */
  overrun(): void {
    for (const driver of [...this.#drivers, ...this.#firewalls]) driver.report({ type: 'overrun' })
  }

  /** Interrupts the next `times` dumps, of which a driver repeats each 7 times. `Infinity`: all of them. */
  interruptDumps(times: number): void {
    this.#faults.interruptedDumps = times
  }

  /** Ends all of the above: from now on nothing goes wrong. */
  heal(): void {
    this.#faults.clear()
  }
}

const isRoute = (request: FakeRequest): boolean =>
  request.type !== 'snapshot' && request.resource.kind === 'route'

/** Of a driver that has not read: what it has written itself is its own. */
const NO_SCOPE: OwnershipScope = { aliases: [], links: [], networks: [] }

function deleteQuietly(state: KernelState, resource: KernelResource, protocol: number): void {
  try {
    deleteResource(state, resource, { protocol, owns: ownershipOf(NO_SCOPE, protocol) })
  } catch (error) {
    if (!(error instanceof FakeKernelError)) throw error
  }
}
