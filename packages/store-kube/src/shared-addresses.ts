import { type Lease, OverlayError } from '@selvedge/core'
import { HOW_TO_CHOOSE_ADDRESS, IPV4_PARTS, IPV6_PARTS, printable } from '@selvedge/core/kit'

/** How many of the nodes with one address a report names. */
const MAX_NAMED = 3

/**
 * Finds nodes that publish one address, as machines do that VirtualBox has given 10.0.2.15 each: packets for their pods
 * reach one of them. Every node of the cluster reports it, once, and again if it comes back.
 */
export class SharedAddresses {
  readonly #onShared: (error: OverlayError) => void
  /** The name of the node that publishes an address, or of all if there are several. */
  readonly #names = new Map<string, string | Set<string>>()
  /** The shared ones that may have to be reported, and those that were. */
  readonly #pending = new Set<string>()
  readonly #reported = new Set<string>()

  constructor(onShared: (error: OverlayError) => void) {
    this.#onShared = onShared
  }

  /** Forgets all nodes, but not what was reported: a list of all nodes follows. */
  clear(): void {
    this.#names.clear()
    this.#pending.clear()
  }

  add(name: string, lease: Lease): void {
    for (const address of addressesOf(lease)) {
      const names = this.#names.get(address)
      if (names === undefined) this.#names.set(address, name)
      else if (names instanceof Set) names.add(name)
      else if (names !== name) {
        this.#names.set(address, new Set([names, name]))
        this.#pending.add(address)
      }
    }
  }

  delete(name: string, lease: Lease): void {
    for (const address of addressesOf(lease)) {
      const names = this.#names.get(address)
      if (names === name) this.#names.delete(address)
      if (!(names instanceof Set)) continue
      names.delete(name)
      const [last, another] = names
      if (last === undefined || another !== undefined) continue
      this.#names.set(address, last)
    }
  }

  /** Reports what is shared now, and was not at the last report. */
  report(): void {
    for (const address of this.#reported) {
      if (!(this.#names.get(address) instanceof Set)) this.#reported.delete(address)
    }
    for (const address of this.#pending) {
      const names = this.#names.get(address)
      if (!(names instanceof Set) || this.#reported.has(address)) continue
      this.#reported.add(address)
      this.#onShared(conflict(address, [...names].sort()))
    }
    this.#pending.clear()
  }
}

function conflict(address: string, names: readonly string[]): OverlayError {
  const others = names.length - MAX_NAMED
  const named = [
    ...names.slice(0, MAX_NAMED).map((name) => printable(name)),
    ...(others > 0 ? [`${others} more`] : []),
  ]
  const list = `${named.slice(0, -1).join(', ')} and ${named.at(-1)}`
  return new OverlayError(
    'LEASE_CONFLICT',
    `nodes ${list} publish one address, ${address}: packets for their pods reach one of them at most; give each an ` +
      `address of its own (${HOW_TO_CHOOSE_ADDRESS}), or the annotation node-public-ip`,
  )
}

const addressesOf = ({ attributes }: Lease): readonly string[] =>
  [IPV4_PARTS, IPV6_PARTS].flatMap(({ publicAddress }) => attributes[publicAddress] ?? [])
