import type { Belief } from '../cache/kernel-state.js'
import { routeKey } from '../cache/ownership.js'
import {
  AF_BRIDGE,
  AF_INET,
  AF_INET6,
  IFA_F_PERMANENT,
  isDeletion,
  type MessageReader,
  NUD_PERMANENT,
  RT_TABLE_MAIN,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_DELNEXTHOP,
  RTM_DELROUTE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWNEXTHOP,
  RTM_NEWROUTE,
  readAddressMessage,
  readLink,
  readNeighbour,
  readNexthop,
  readRoute,
} from '../netlink/index.js'
import { fingerprint, isOwnLink } from '../read/link-table.js'
import { leadsToMany } from '../write/encode.js'

/**
 * Whether a notification tells of a change that may concern the overlay and that is not its own doing. On a host
 * whose pods come and go most do not, and a reader woken for each would do nothing else.
 *
 * Where the kernel tells who caused a change (the sender's port), our own are known by it. Of forwarding entries and
 * IPv6 addresses it does not; there, news is what contradicts what is believed to be held.
 */
export function isNews(message: MessageReader, belief: Belief, ownPort: number): boolean {
  switch (message.type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return isLinkNews(message, belief)
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return message.port !== ownPort && isAddressNews(message, belief)
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return message.port !== ownPort && isRouteNews(message, belief)
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      return message.port !== ownPort && isNeighbourNews(message, belief)
    case RTM_NEWNEXTHOP:
    case RTM_DELNEXTHOP:
      return message.port !== ownPort && belief.nexthops.get(readNexthop(message).id) !== undefined
    default:
      return false
  }
}

function isLinkNews(message: MessageReader, belief: Belief): boolean {
  const link = readLink(message)
  const before = belief.watchedLinks.get(link.index)
  // A bridge tells of its ports by messages of its own family, and of their end as if the link itself went.
  const isBridgePort = message.buffer.readUInt8(message.start) === AF_BRIDGE
  if (isBridgePort) return false
  if (isDeletion(message.type)) {
    belief.watchedLinks.delete(link.index)
    belief.ownLinks.delete(link.index)
    return before !== undefined
  }
  if (before === undefined) return link.name === belief.externalName || isOwnLink(link, belief.scope)
  const now = fingerprint(link)
  if (now === before) return false
  belief.watch(link, now)
  return true
}

function isAddressNews(message: MessageReader, belief: Belief): boolean {
  const address = readAddressMessage(message)
  if (address === undefined || !belief.watchedLinks.has(address.index)) return false
  const name = belief.ownLinks.get(address.index)
  // An address of the interface that packets leave by.
  if (name === undefined) return true
  const key = `address ${name} ${address.local}/${address.prefixLength}`
  const isHeld = belief.addresses.has(key)
  if (isDeletion(message.type)) return isHeld
  return !isHeld && (address.flags & IFA_F_PERMANENT) !== 0 && !address.local.startsWith('fe80:')
}

function isRouteNews(message: MessageReader, belief: Belief): boolean {
  const route = readRoute(message)
  if (route === undefined) return false
  if (belief.isOwnRoute(route)) return true
  // What replaces a route of ours is told, but the end of ours is not.
  if (!isDeletion(message.type) && belief.hasRoute(routeKey(route))) return true
  const isDefault = route.destination === '0.0.0.0/0' || route.destination === '::/0'
  return isDefault && route.table === RT_TABLE_MAIN
}

function isNeighbourNews(message: MessageReader, belief: Belief): boolean {
  // Looked at before anything is read: this is by far the most frequent of all.
  if (message.end - message.start < 12) return false
  const name = belief.ownLinks.get(message.buffer.readInt32LE(message.start + 4))
  if (name === undefined) return false
  const entry = readNeighbour(message)
  if (entry === undefined) return false
  const { family, state, destination, macAddress } = entry
  const isPermanent = (state & NUD_PERMANENT) !== 0
  if (family === AF_INET || family === AF_INET6) {
    return isPermanent ? !isDeletion(message.type) : belief.neighbours.has(`neighbour ${name} ${destination}`)
  }
  if (macAddress === undefined || destination === undefined) return false
  const suffix = leadsToMany(macAddress) ? ` ${destination}` : ''
  const held = belief.forwarding.get(`fdb ${name} ${macAddress}${suffix}`)
  if (isDeletion(message.type)) return held === destination
  return isPermanent ? held !== destination || entry.differs : held !== undefined
}
