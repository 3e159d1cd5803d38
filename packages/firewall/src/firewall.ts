import type { Driver, DriverEvent, Operation, OperationResult, Program } from '@selvedge/core'
import { OverlayError } from '@selvedge/core'
import {
  checkOptions,
  listOf,
  number,
  oneOf,
  path,
  requireNamespacePath,
  systemClock,
  text,
  unlessAborted,
  Wakeup,
} from '@selvedge/core/kit'
import type { RuleCount } from './counters.js'
import { HeldRulesets } from './held-rulesets.js'
import { Iptables, type IptablesVariant } from './iptables/iptables.js'
import { NftMonitor } from './nftables/monitor.js'
import { Nftables } from './nftables/nftables.js'
import { surroundings } from './preflight.js'
import { type RulesetMode, type RulesetResource, requireRulesetName } from './resource.js'

/** Where the rules are, and how their changes are noticed. */
export interface FirewallOptions {
  /** The network namespace to use, by path such as `/run/netns/blue`; the process's own by default. Needs nsenter. */
  readonly namespace?: string | undefined
  /** Which implementation of iptables; the one that the system calls `iptables` by default. */
  readonly iptables?: IptablesVariant | undefined
  /** Which rules it reads and writes; both by default, so that a change of mode leaves nothing. */
  readonly modes?: readonly RulesetMode[] | undefined
  /**
   * How often rules are read if the kernel does not report their changes: without nft, or if iptables is the legacy one.
   * In ms; never by default, so that the overlay's own resync finds changes.
   */
  readonly resyncIntervalMs?: number | undefined
  /**
   * For a host with several overlays: the name that this one's `trafficRules()` has. Such a driver touches no ruleset of
   * another name, nor flannel's own. Default: flannel's own.
   */
  readonly name?: string | undefined
}

/** A driver for traffic rules, and what it counts. */
export interface Firewall extends Driver<RulesetResource> {
  /** The packets that each rule has met, as the kernel counts them, for metrics. */
  counts(): Promise<readonly RuleCount[]>
}

/** After this long without a further notification, what changed is looked at. */
const SETTLE_MS = 20
/** From a look that found nothing changed to the next one: others may write rules all day. */
const QUIET_MS = 1_000

const FAMILIES = [4, 6] as const
const MODES = ['iptables', 'nftables'] as const satisfies readonly RulesetMode[]

/**
 * The driver of `ruleset` resources: by iptables-restore or nft, whichever a ruleset names. It reads both, so that the
 * rules of the other mode, of a former network or of flannel are found and removed. If nft is installed and iptables is
 * its nft variant, the kernel reports changes, and nothing is run while there are none. While it is watched, the first
 * snapshot waits until the kernel reports, for 2 s at most.
 */
export function firewall(options: FirewallOptions = {}): Firewall {
  checkOptions<FirewallOptions>('firewall()', options, {
    namespace: path,
    iptables: oneOf('nft', 'legacy'),
    modes: listOf(oneOf('iptables', 'nftables')),
    resyncIntervalMs: number,
    name: text,
  })
  requireNamespacePath('firewall()', options.namespace)
  return new RulesetDriver(options)
}

/** What `firewall()` makes, without a look at its options. */
export class RulesetDriver implements Firewall {
  readonly name = 'firewall'
  readonly kinds = ['ruleset'] as const
  readonly #options: FirewallOptions
  readonly #iptables: readonly Iptables[]
  readonly #nftables: readonly Nftables[]
  readonly #held: HeldRulesets
  readonly #closing = new AbortController()
  #monitor: { readonly nft: NftMonitor; readonly ended: Promise<void> } | undefined
  readonly #changed = new Wakeup()
  /** Who made the last change that has been noticed, and not been read yet. */
  #changedBy: Program | undefined
  /** Counts notifications: what was read is as good as new while none has come since. */
  #generation = 0
  /** Of when everything was last read; undefined if it never was. */
  #readGeneration: number | undefined
  #reportsIptables: Promise<boolean> | undefined
  #surroundings: Promise<readonly string[]> | undefined
  /** The read that is under way, or the last one. */
  #reading: Promise<unknown> = Promise.resolve()

  constructor(options: FirewallOptions) {
    this.#options = options
    const { namespace, iptables: variant, modes = MODES } = options
    const name = requireRulesetName(options.name)
    this.#iptables = FAMILIES.map((family) => new Iptables({ family, namespace, variant, name }))
    this.#nftables = FAMILIES.map((family) => new Nftables({ family, namespace, name }))
    const holders = [...this.#iptables, ...this.#nftables].filter(({ mode }) => modes.includes(mode))
    this.#held = new HeldRulesets(holders, name)
  }

  /** Looked at once: a start asks again when it knows what else its backend requires. */
  async preflight(): Promise<readonly string[]> {
    this.#surroundings ??= surroundings(this.#options)
    this.#surroundings.catch(() => {
      this.#surroundings = undefined
    })
    return this.#surroundings
  }

  async snapshot(_: unknown, { signal }: { signal?: AbortSignal } = {}): Promise<readonly RulesetResource[]> {
    this.#requireOpen()
    // What is read before changes are reported has to be read again after.
    const settled = this.#monitor?.nft.settled
    await (signal === undefined || settled === undefined ? settled : unlessAborted(settled, signal))
    return this.#read(signal)
  }

  async apply(
    operations: readonly Operation<RulesetResource>[],
    { signal }: { signal?: AbortSignal } = {},
  ): Promise<readonly OperationResult[]> {
    this.#requireOpen()
    signal?.throwIfAborted()
    const results: OperationResult[] = []
    for (const { type, resource } of operations) {
      try {
        await this.#held.write(resource, type === 'put' ? resource.text : '')
        results.push({ ok: true })
      } catch (error) {
        results.push({ ok: false, error: OverlayError.from(error, 'DRIVER_REFUSED', resource.key) })
      }
    }
    return results
  }

  async *watch({ signal }: { readonly signal: AbortSignal }): AsyncGenerator<DriverEvent> {
    const ends = AbortSignal.any([signal, this.#closing.signal])
    this.#startMonitor()
    const clock = systemClock
    let quietUntil = 0
    while (!ends.aborted) {
      try {
        await this.#changed.sleep(this.#options.resyncIntervalMs ?? Number.POSITIVE_INFINITY, clock, ends)
        if (!(await this.#mayHaveChanged())) {
          this.#changedBy = undefined
          continue
        }
        await clock.sleep(Math.max(SETTLE_MS, quietUntil - clock.monotonic()), { signal: ends })
        await this.#reading.catch(() => undefined)
        if (!(await this.#mayHaveChanged())) continue
        const hasRead = this.#readGeneration !== undefined
        const before = this.#held.known
        const isChanged = hasRead && !sameTexts(before, await this.#read(ends))
        quietUntil = isChanged ? 0 : clock.monotonic() + QUIET_MS
        const by = this.#changedBy
        this.#changedBy = undefined
        if (isChanged) yield by === undefined ? { type: 'changed' } : { type: 'changed', by }
      } catch (error) {
        if (ends.aborted) return
        throw error
      }
    }
  }

  async counts(): Promise<readonly RuleCount[]> {
    const counts = await Promise.all([...this.#iptables, ...this.#nftables].map((one) => one.counts()))
    return counts.flat()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    await this.#monitor?.ended
  }

  /** Reads what may have changed since it was last read. */
  #read(signal: AbortSignal | undefined): Promise<readonly RulesetResource[]> {
    const reading = this.#readNow(signal)
    this.#reading = reading
    return reading
  }

  async #readNow(signal: AbortSignal | undefined): Promise<readonly RulesetResource[]> {
    const generation = this.#generation
    const isCurrent = this.#readGeneration === generation
    const resources = await this.#held.read(isCurrent ? await this.#unreported() : MODES, signal)
    this.#readGeneration = generation
    return resources
  }

  /** The modes whose changes the kernel does not report. */
  async #unreported(): Promise<readonly RulesetMode[]> {
    if (this.#monitor?.nft.isLive !== true) return MODES
    this.#reportsIptables ??= Promise.all(this.#iptables.map((one) => one.variant())).then((variants) =>
      variants.every((variant) => variant !== 'legacy'),
    )
    return (await this.#reportsIptables) ? [] : ['iptables']
  }

  /** Whether a notification has come since the last read, or something is held whose changes are not reported. */
  async #mayHaveChanged(): Promise<boolean> {
    if (this.#readGeneration !== this.#generation) return true
    const unreported = await this.#unreported()
    return this.#held.known.some(({ mode }) => unreported.includes(mode))
  }

  #startMonitor(): void {
    if (this.#monitor !== undefined) return
    const onChange = (): void => {
      this.#generation += 1
      this.#changed.wake()
    }
    const nft = new NftMonitor({
      namespace: this.#options.namespace,
      onChange,
      onProgram: (by) => {
        this.#changedBy = by
      },
      signal: this.#closing.signal,
    })
    this.#monitor = { nft, ended: nft.run() }
  }

  #requireOpen(): void {
    if (this.#closing.signal.aborted)
      throw new OverlayError('CLOSED', 'the firewall driver has been disposed of')
  }
}

const sameTexts = (a: readonly RulesetResource[], b: readonly RulesetResource[]): boolean =>
  a.length === b.length && a.every(({ key, text }, i) => key === b[i]?.key && text === b[i]?.text)
