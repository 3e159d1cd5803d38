import assert from 'node:assert/strict'
import type { Driver, OverlayError, OwnershipScope, Random } from '@selvedge/core'
import { address, fdb, type KernelResource, link, neighbour, Reconciler, route } from '@selvedge/core/kit'
import { assertHolds } from '../assertions.js'
import type { MasterHost } from './types.js'

/** What is fixed of an overlay in one run. */
export interface OverlayPlan {
  readonly link: string
  /** The VNI that it has at first; the next one is its alternative. */
  readonly vni: number
  /** `10.99`: the network is a /16. */
  readonly prefix: string
  /** `fd99`: the network is a /48; undefined for an overlay of IPv4 alone. */
  readonly ipv6Prefix: string | undefined
}

export function overlayPlans(random: Random): readonly OverlayPlan[] {
  const ipv6 = random() < 0.5
  const first = { link: 'flannel.1', vni: 1, prefix: '10.99', ipv6Prefix: ipv6 ? 'fd99' : undefined }
  const second = { link: 'flannel.7', vni: 7, prefix: '10.98', ipv6Prefix: undefined }
  return random() < 0.5 ? [first] : [first, second]
}

/** What may differ in the local resources. */
export interface LocalSettings {
  readonly mtu: 1400 | 1300
  readonly mac: 1 | 2
  readonly otherVni: boolean
  readonly parent: 'eth0' | 'slv-parent'
}

/** What may differ in a peer's lease. */
export interface PeerSettings {
  readonly mac: number
  readonly host: number
  /** Reached without the tunnel. */
  readonly direct: boolean
}

/** One overlay: its desired state, and the process that reconciles it, which may be killed and restarted. */
export class MasterOverlay {
  readonly plan: OverlayPlan
  readonly #host: MasterHost
  readonly #random: Random
  readonly #claims = new ClaimModel()
  readonly #faults: unknown[] = []
  #process: RunningProcess | undefined
  /** Puts and deletes that succeeded so far. */
  written = 0

  constructor(host: MasterHost, plan: OverlayPlan, random: Random) {
    this.#host = host
    this.plan = plan
    this.#random = random
  }

  get scope(): OwnershipScope {
    const { link: name, prefix, ipv6Prefix } = this.plan
    const networks = [`${prefix}.0.0/16`, ...(ipv6Prefix === undefined ? [] : [`${ipv6Prefix}::/48`])]
    return { aliases: [`selvedge ${prefix}.0.0/16`], links: [name], networks }
  }

  get inSync(): boolean {
    return this.#running.reconciler.status.inSync
  }

  async begin(): Promise<void> {
    this.setLocal({ mtu: 1400, mac: 1, otherVni: false, parent: 'eth0' })
    await this.#start()
  }

  setLocal({ mtu, mac, otherVni, parent }: LocalSettings): void {
    const { link: name, vni, prefix, ipv6Prefix } = this.plan
    this.#set('local', [
      link({
        name,
        type: 'vxlan',
        mtu,
        macAddress: `02:aa:00:00:0${vni}:0${mac}`,
        alias: `selvedge ${prefix}.0.0/16`,
        acceptRouterAdvertisements: false,
        settings: {
          vni: otherVni ? vni + 1 : vni,
          port: 8472,
          local: '192.168.0.1',
          parent,
          learning: false,
          gbp: false,
        },
      }),
      address({ link: name, address: `${prefix}.1.0`, prefixLength: 32 }),
      ...(ipv6Prefix === undefined
        ? []
        : [address({ link: name, address: `${ipv6Prefix}:0:0:1::`, prefixLength: 128 })]),
      route({ destination: `${prefix}.1.0/24`, type: 'blackhole', metric: 4096 }),
    ])
  }

  /** @param owner whose resources they are: two owners may claim one peer's keys */
  setPeer(owner: string, number: number, { mac, host, direct }: PeerSettings): void {
    const { link: device, prefix, ipv6Prefix } = this.plan
    const base = `${prefix}.${number}.0`
    const remote = `192.168.0.${host}`
    const macAddress = `02:bb:00:00:00:0${mac}`
    if (direct) {
      this.#set(owner, [route({ destination: `${base}/24`, device: 'eth0', gateway: remote })])
      return
    }
    const ipv6 = `${ipv6Prefix}:0:0:${number}::`
    this.#set(owner, [
      fdb({ link: device, macAddress, destination: remote }),
      neighbour({ link: device, address: base, macAddress }),
      route({ destination: `${base}/24`, device, gateway: base, onLink: true }),
      ...(ipv6Prefix === undefined
        ? []
        : [
            neighbour({ link: device, address: ipv6, macAddress }),
            route({ destination: `${ipv6}/64`, device, gateway: ipv6, onLink: true }),
          ]),
    ])
  }

  forget(owner: string): void {
    this.#set(owner, [])
  }

  openGate(): void {
    this.#running.reconciler.openGate()
  }

  resync(): void {
    this.#running.reconciler.resync()
  }

  /** Kills the process, whatever it is doing, and starts another with the same desired state and a closed gate. */
  async restart(): Promise<void> {
    await this.end()
    await this.#start()
  }

  async restartIfDead(): Promise<void> {
    try {
      await this.#running.driver.snapshot(this.scope)
    } catch {
      await this.restart()
    }
  }

  /** Commands that remove what other processes may have put in our way: an overlay repairs only what is its own. */
  obstacles(): readonly string[] {
    const { prefix, vni } = this.plan
    const peers = Array.from({ length: 6 }, (_, index) => index + 2)
    return [
      `ip link del slv-lost${vni}`,
      `ip link del slv-rival${vni}`,
      ...peers.map((number) => `ip route del ${prefix}.${number}.0/24 proto static`),
    ]
  }

  async mustHoldDesired(): Promise<void> {
    assert.deepEqual(await this.#running.reconciler.plan(), [], 'the plan is empty')
    await using other = await this.#host.driver()
    await assertHolds(other, this.#claims.counting(), this.scope)
  }

  async removeAll(): Promise<void> {
    const { reconciler } = this.#running
    await this.#running.stop()
    await reconciler.removeAll()
  }

  /** Fails if an error on the way came from a fault in the code, rather than from the kernel. */
  mustBeSound(): void {
    for (const fault of this.#faults) throw fault
  }

  async end(): Promise<void> {
    const process = this.#process
    await process?.stop()
    await process?.driver[Symbol.asyncDispose]()
  }

  /** Why it is not in sync. */
  describe(): string {
    const { inSync, desired, actual, failures } = this.#running.reconciler.status
    const causes = failures.map(
      ({ key, error, attempts }) => `  ${key}: ${error.message} (${attempts} times)`,
    )
    return [`${this.plan.link}: in sync ${inSync}, desired ${desired}, actual ${actual}`, ...causes].join(
      '\n',
    )
  }

  get #running(): RunningProcess {
    assert.ok(this.#process, 'it was begun')
    return this.#process
  }

  #set(owner: string, resources: readonly KernelResource[]): void {
    this.#claims.set(owner, resources)
    this.#process?.reconciler.desired.set(owner, resources)
  }

  async #start(): Promise<void> {
    const driver = await this.#host.driver()
    const reconciler = new Reconciler({
      drivers: [driver],
      clock: this.#host.clock,
      random: this.#random,
      resyncIntervalMs: 60_000,
      scope: () => this.scope,
      onSync: ({ put, deleted }) => {
        this.written += put + deleted
      },
      onError: (error) => this.#onError(error),
    })
    for (const [owner, resources] of this.#claims.restarted()) reconciler.desired.set(owner, resources)
    this.#process = new RunningProcess(driver, reconciler)
  }

  #onError(error: OverlayError): void {
    for (let cause: unknown = error; cause instanceof Error; cause = cause.cause) {
      if (cause instanceof TypeError || cause instanceof RangeError || cause instanceof ReferenceError) {
        this.#faults.push(error)
      }
    }
  }
}

/** What the desired state should be, found by other means than the reconciler's: of two owners that claim a key, the later
 * one counts. */
class ClaimModel {
  #owners = new Map<string, readonly KernelResource[]>()
  /** By key: the owners that claim it. The last one counts. */
  readonly #claims = new Map<string, string[]>()

  set(owner: string, resources: readonly KernelResource[]): void {
    const keys = resources.map(({ key }) => key)
    for (const [key, owners] of this.#claims) {
      if (!keys.includes(key)) {
        this.#claims.set(
          key,
          owners.filter((other) => other !== owner),
        )
      }
    }
    for (const key of keys) {
      const owners = this.#claims.get(key) ?? []
      if (!owners.includes(owner)) this.#claims.set(key, [...owners, owner])
    }
    if (resources.length === 0) this.#owners.delete(owner)
    else this.#owners.set(owner, resources)
  }

  /** All claims in the order in which a new process gets them. */
  restarted(): ReadonlyMap<string, readonly KernelResource[]> {
    const owners = this.#owners
    this.#owners = new Map()
    this.#claims.clear()
    for (const [owner, resources] of owners) this.set(owner, resources)
    return this.#owners
  }

  counting(): readonly KernelResource[] {
    return [...this.#claims].flatMap(([key, owners]) => {
      const resources = this.#owners.get(owners.at(-1) ?? '') ?? []
      return resources.filter((resource) => resource.key === key)
    })
  }
}

class RunningProcess {
  readonly driver: Driver<KernelResource>
  readonly reconciler: Reconciler
  readonly #abort = new AbortController()
  readonly #ended: Promise<void>

  constructor(driver: Driver<KernelResource>, reconciler: Reconciler) {
    this.driver = driver
    this.reconciler = reconciler
    this.#ended = reconciler.run(this.#abort.signal)
  }

  async stop(): Promise<void> {
    this.#abort.abort(new Error('killed'))
    await this.#ended
  }
}
