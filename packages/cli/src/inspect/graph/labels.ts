import { printable } from '@selvedge/core/kit'
import type { TopologyHost } from './topology.js'

/** What a host's box says: its subnets, and its addresses below. */
export function hostLines({ key, subnets, addresses, isOwn }: TopologyHost): readonly string[] {
  const named = subnets.length === 0 ? [key] : subnets
  const first = printable(named.join(' '), 60)
  return [isOwn ? `${first} (this node)` : first, printable(addresses.join(' ') || 'no address', 60)]
}

export const pathLabel = ({ path, device }: TopologyHost): string => {
  if (path === 'none') return 'no route'
  return device === undefined ? path : `${path} ${printable(device, 20)}`
}

export const moreText = (count: number, what: string): string => `${count} more ${what}`
