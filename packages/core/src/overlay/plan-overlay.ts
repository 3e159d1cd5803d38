import type { Operation } from '../contract/driver.js'
import type { ExternalInterface } from '../contract/node-context.js'
import type { Lease } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import { formatSubnetEnv } from '../lease/subnet-env.js'
import type { AbortOptions } from '../util/abort.js'
import { systemClock } from '../util/clock.js'
import type { DesiredResource } from './inspection.js'
import { LookOnly } from './look-only.js'
import { OverlayNode } from './node.js'
import { type OverlayOptions, requireOptions } from './options.js'
import type { UnmarkedRival } from './unmarked-routes.js'

/** What the start of an overlay would write. */
export interface OverlayPlan {
  /** The network's config, as the store has it. */
  readonly config: NetworkConfig
  /** The lease that this node would hold. */
  readonly lease: Lease
  /** For pods, in bytes. */
  readonly mtu: number
  /** In the order in which they would be written. A `put` makes what is not there, or changes what is. */
  readonly operations: readonly Operation[]
  /** Routes without a mark in the place of those that would be put, by key: another agent's, such as flanneld's. */
  readonly rivals: ReadonlyMap<string, UnmarkedRival>
  /** What it would desire, with the leases that require it. */
  readonly desired: readonly DesiredResource[]
  /** Every lease that it knows, its own among them. */
  readonly leases: readonly Lease[]
  /** The interface that packets to peers would leave by. */
  readonly externalInterface: ExternalInterface
  /**
   * A sentence for each thing that works but was probably meant otherwise, and for each error that a start would
   * report, such as that of a lease that gets no resources.
   */
  readonly warnings: readonly string[]
  /** A sentence for each fact that only a start finds out or brings about: see `BackendPreview`. */
  readonly unknown: readonly string[]
  /** The text of the subnet.env that it would write. */
  subnetEnv(options: { readonly ipMasq: boolean }): string
}

const DAY_MS = 24 * 60 * 60 * 1000

/**
 * What `createOverlay(options).start()` would have the drivers write now, found by the same composition. It writes nothing:
 * drivers, those of the backend too, are only read, and of a backend's loader it is `preview` that is called. It asks
 * `subnets` for a lease as a start does: hand in one that only answers. Disposes of neither `subnets` nor `drivers`.
 *
 * Rejects as `start` does, and with `UNSUPPORTED` for a loader that has no `preview`. If a start would change something
 * although it fails, as it does to keep packets from leaving unencrypted, the message says what.
 */
export async function planOverlay(
  options: OverlayOptions,
  { signal = new AbortController().signal }: AbortOptions = {},
): Promise<OverlayPlan> {
  const { choice, ...given } = requireOptions(options)
  const warnings: string[] = []
  const nothing = (): void => undefined
  const look = new LookOnly()
  const prepared = OverlayNode.prepare(
    {
      subnets: given.subnets,
      backends: look.choice(choice),
      parts: given.parts ?? [],
      drivers: given.drivers.map((driver) => look.driver(driver)),
      externalInterface: given.externalInterface,
      publicIp: given.publicIp,
      publicIpv6: given.publicIpv6,
      previous: given.previous,
      former: undefined,
      renewMarginMs: DAY_MS,
      resyncIntervalMs: DAY_MS,
      clock: given.clock ?? systemClock,
      random: given.random ?? Math.random,
      observer: {
        lease: nothing,
        peer: nothing,
        sync: nothing,
        drift: nothing,
        config: nothing,
        mtu: nothing,
        uplink: (event) => {
          if (event.type === 'awaited') warnings.push(`waiting for an uplink: ${event.why}`)
        },
        store: nothing,
        waiting: nothing,
        joined: nothing,
        recovered: nothing,
        outdated: nothing,
        error: ({ message }) => void warnings.push(message),
        warning: (text) => void warnings.push(text),
      },
    },
    signal,
  )
  const node = await prepared.catch((error: unknown) => {
    throw look.withRefused(error)
  })
  try {
    const { operations, rivals } = await node.preview(signal)
    const { config, lease, mtu, desired } = node
    return {
      config,
      lease,
      mtu,
      operations,
      rivals,
      desired,
      leases: [...node.leases.values()],
      externalInterface: node.facts.externalInterface,
      warnings,
      unknown: look.unknown,
      subnetEnv: ({ ipMasq }) => formatSubnetEnv(config, { ...lease, mtu, ipMasq }),
    }
  } finally {
    await node.leave()
  }
}
