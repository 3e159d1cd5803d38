import { canonicalAddress } from '@selvedge/core/kit'
import { isSection, type ViciSection } from '../vici/message.js'
import type { XfrmState } from '../xfrm/state.js'

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
