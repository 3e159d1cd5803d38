import { canonicalAddress } from '@selvedge/core/kit'
import { isSection, type ViciSection } from '../vici/message.js'
import type { XfrmState } from '../xfrm/state.js'

/** While keys are replaced, a tunnel's second state follows the first by a round trip to the peer. */
const CONFIRM_MS = 250

/** The tunnels that lack states, and for how long. */
export class LostStates {
  /** When each was seen first, on the clock of `performance.now`. */
  #since: ReadonlyMap<string, number> = new Map()

  /** When to look again. */
  get dues(): readonly number[] {
    return [...this.#since.values()].map((since) => since + CONFIRM_MS)
  }

  /**
   * Those that have lacked states for long enough to need new keys.
   *
   * @param ids of those that lack states now
   */
  take(ids: readonly string[], now: number): readonly string[] {
    const seen = new Map(ids.map((id) => [id, this.#since.get(id) ?? now]))
    const lost = ids.filter((id) => now - (seen.get(id) ?? now) >= CONFIRM_MS)
    for (const id of lost) seen.delete(id)
    this.#since = seen
    return lost
  }
}

/**
 * Reads the events of `list-sas`: the ids of those tunnels (CHILD_SAs) that charon takes for installed, while the kernel
 * lacks one of their two states. charon does not look, and nothing else notices until the keys are due to be replaced.
 *
 * @param names of the connections whose tunnels are looked at
 * @param states read after the events: a tunnel that charon has replaced in between looks like a lost one, but is gone
 */
export function childrenWithoutStates(
  events: readonly ViciSection[],
  names: ReadonlySet<string>,
  states: readonly XfrmState[],
): string[] {
  const present = new Set(states.map(({ destination, spi }) => keyOf(destination, spi)))
  const sas = events.flatMap((event) => Object.entries(event))
  return sas.flatMap(([name, sa]) => {
    if (!names.has(name) || !isSection(sa) || !isSection(sa['child-sas'])) return []
    const [localHost, remoteHost] = [sa['local-host'], sa['remote-host']]
    if (typeof localHost !== 'string' || typeof remoteHost !== 'string') return []
    return Object.values(sa['child-sas']).flatMap((child) => {
      if (!isSection(child) || child.state !== 'INSTALLED' || typeof child.uniqueid !== 'string') return []
      const isWhole =
        present.has(keyOf(localHost, Number.parseInt(String(child['spi-in']), 16))) &&
        present.has(keyOf(remoteHost, Number.parseInt(String(child['spi-out']), 16)))
      return isWhole ? [] : [child.uniqueid]
    })
  })
}

const keyOf = (destination: string, spi: number): string => `${canonicalAddress(destination)} ${spi}`
