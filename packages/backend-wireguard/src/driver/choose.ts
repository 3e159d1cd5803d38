import { isOverlayError, OverlayError } from '@selvedge/core'
import type { Implementation } from './device.js'
import { KernelImplementation } from './kernel/implementation.js'
import { UserspaceImplementation } from './userspace/implementation.js'
import { SOCKET_DIRECTORY } from './userspace/process.js'

/** What carries WireGuard's packets: the kernel, or a process of wireguard-go for each device. */
export type ImplementationName = 'kernel' | 'userspace'

/** Where devices are. */
export interface Location {
  /** Network namespace of the devices, as `ip netns` names it. Default: this process's own. */
  readonly namespace?: string | undefined
  /** Where the sockets of wireguard-go are. Default: `/var/run/wireguard`, the only place that it knows itself. */
  readonly socketDirectory?: string | undefined
}

/** What carries the packets of devices, and where they are. */
export interface Carrier extends Location {
  /** It must be there: `wireguard()` finds out. */
  readonly implementation: ImplementationName
}

export function implementationOf(
  name: ImplementationName,
  { namespace, socketDirectory = SOCKET_DIRECTORY }: Location,
): Implementation {
  return name === 'kernel'
    ? new KernelImplementation(namespace === undefined ? undefined : `/run/netns/${namespace}`)
    : new UserspaceImplementation({ namespace, socketDirectory })
}

/**
 * Finds out what this host has: the kernel's WireGuard, and only without it wireguard-go. Rejects with `UNSUPPORTED`,
 * naming what is missing, if it has neither.
 *
 * @param only the one that must be used; undefined for either
 */
export async function chooseImplementation(
  only: ImplementationName | undefined,
  location: Location,
  signal?: AbortSignal,
): Promise<ImplementationName> {
  const missing: OverlayError[] = []
  for (const name of only === undefined ? (['kernel', 'userspace'] as const) : [only]) {
    await using implementation = implementationOf(name, location)
    try {
      await implementation.check(signal)
      return name
    } catch (error) {
      if (!isOverlayError(error, 'UNSUPPORTED')) throw error
      missing.push(error)
    }
  }
  throw new OverlayError('UNSUPPORTED', missing.map(({ message }) => message).join('; or '), {
    cause: missing.at(-1),
  })
}
