import type { Operation } from '../contract/driver.js'
import type { ExternalInterface } from '../contract/node-context.js'
import type { Lease } from '../lease/lease.js'
import type { NetworkConfig } from '../lease/network-config.js'
import { formatSubnetEnv } from '../lease/subnet-env.js'
import type { AbortOptions } from '../util/abort.js'
import { systemClock } from '../util/clock.js'
import type { DesiredResource } from './inspection.js'
import { OverlayNode } from './node.js'
import { type OverlayOptions, requireOptions } from './options.js'

/** What the start of an overlay would write. */
export interface OverlayPlan {
  readonly config: NetworkConfig
  readonly lease: Lease
  /** For pods, in bytes. */
  readonly mtu: number
  /** In the order in which they would be written. A `put` makes what is not there, or changes what is. */
  readonly operations: readonly Operation[]
  /** What it would desire, with the leases that require it. */
  readonly desired: readonly DesiredResource[]
  /** Every lease that it knows, its own among them. */
  readonly leases: readonly Lease[]
  /** The interface that packets to peers would leave by. */
  readonly externalInterface: ExternalInterface
  readonly warnings: readonly string[]
  /** The text of the subnet.env that it would write. */
  subnetEnv(options: { readonly ipMasq: boolean }): string
}

const DAY_MS = 24 * 60 * 60 * 1000

/**
 * What `createOverlay(options).start()` would have the drivers write now, found by the same composition; writes nothing to
 * them. It asks `subnets` for a lease as a start does: hand in one that only answers. A backend's loader is called, too: hand
 * in those that only look. Disposes of neither `subnets` nor `drivers`. Rejects as `start` does.
 */
export async function planOverlay(
  options: OverlayOptions,
  { signal = new AbortController().signal }: AbortOptions = {},
): Promise<OverlayPlan> {
  const { choice, ...given } = requireOptions(options)
  const warnings: string[] = []
  const nothing = (): void => undefined
  const node = await OverlayNode.prepare(
    {
      subnets: given.subnets,
      backends: choice,
      parts: given.parts ?? [],
      drivers: given.drivers,
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
        waiting: nothing,
        joined: nothing,
        outdated: nothing,
        error: ({ message }) => void warnings.push(message),
        warning: (text) => void warnings.push(text),
      },
    },
    signal,
  )
  try {
    const operations = await node.preview(signal)
    const { config, lease, mtu, desired } = node
    return {
      config,
      lease,
      mtu,
      operations,
      desired,
      leases: [...node.leases.values()],
      externalInterface: node.facts.externalInterface,
      warnings,
      subnetEnv: ({ ipMasq }) => formatSubnetEnv(config, { ...lease, mtu, ipMasq }),
    }
  } finally {
    await node.leave()
  }
}
