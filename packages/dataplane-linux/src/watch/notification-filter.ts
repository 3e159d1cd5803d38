import { addressKey, fdbKey, neighbourKey } from '@selvedge/core/kit'
import type { KernelState } from '../cache/kernel-state.js'
import type { LinkTypes } from '../link-types/index.js'
import type { MessageReader } from '../netlink/index.js'
import { routeKeyOf } from '../read/kernel-resources.js'
import { fingerprint, isOwnLink } from '../read/link-table.js'
import {
  AF_BRIDGE,
  AF_INET,
  AF_INET6,
  IFA_F_PERMANENT,
  IFF_UP,
  isDeletion,
  NUD_PERMANENT,
  RTM_DELADDR,
  RTM_DELLINK,
  RTM_DELNEIGH,
  RTM_DELNEXTHOP,
  RTM_DELROUTE,
  RTM_DELRULE,
  RTM_NEWADDR,
  RTM_NEWLINK,
  RTM_NEWNEIGH,
  RTM_NEWNEXTHOP,
  RTM_NEWROUTE,
  RTM_NEWRULE,
  readAddressMessage,
  readLink,
  readNeighbour,
  readNexthop,
  readRoute,
  readRule,
} from '../rtnetlink/index.js'

/**
 * Whether a notification reports a change that may concern the overlay and that another process caused. On a host
 * where pods come and go most do not, and waking the consumer for each would keep it busy.
 *
 * The kernel names the cause of most changes (the sender's port), which identifies our own. It does not for fdb
 * entries and IPv6 addresses: of those, a change is foreign if it contradicts the state.
 */
export function isForeignChange(
  message: MessageReader,
  state: KernelState,
  ownPort: number,
  linkTypes: LinkTypes,
): boolean {
  switch (message.type) {
    case RTM_NEWLINK:
    case RTM_DELLINK:
      return isLinkChange(message, state, linkTypes)
    case RTM_NEWADDR:
    case RTM_DELADDR:
      return message.port !== ownPort && isAddressChange(message, state)
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
      return message.port !== ownPort && isRouteChange(message, state)
    case RTM_NEWRULE:
    case RTM_DELRULE:
      return readRule(message)?.isByDestination === true
    case RTM_NEWNEIGH:
    case RTM_DELNEIGH:
      return message.port !== ownPort && isNeighbourChange(message, state)
    case RTM_NEWNEXTHOP:
    case RTM_DELNEXTHOP:
      return message.port !== ownPort && state.nexthops.get(readNexthop(message).id) !== undefined
    default:
      return false
  }
}

/**
 * Whether a link goes down, or away, that peers are reached through: of the IPv4 routes that go with it the kernel says
 * nothing.
 */
export function takesRoutesAlong(
  message: MessageReader,
  isDetour: (index: number) => boolean = () => false,
): boolean {
  if (message.type !== RTM_NEWLINK && message.type !== RTM_DELLINK) return false
  const { index, flags } = readLink(message)
  return isDetour(index) && (isDeletion(message.type) || (flags & IFF_UP) === 0)
}

function isLinkChange(message: MessageReader, state: KernelState, linkTypes: LinkTypes): boolean {
  const link = readLink(message)
  const before = state.watchedLinks.get(link.index)
  // A bridge reports its ports by messages of its own family, and their end as if the link itself were gone.
  const isBridgePort = message.buffer.readUInt8(message.start) === AF_BRIDGE
  if (isBridgePort) return false
  if (isDeletion(message.type)) {
    state.watchedLinks.delete(link.index)
    state.ownLinks.delete(link.index)
    return before !== undefined
  }
  const isRelevant = before !== undefined || isOwnLink(link, state.scope, linkTypes)
  if (!isRelevant && link.name !== state.scope.externalInterface) return false
  const now = fingerprint(link)
  if (now === before) return false
  state.watchLink(link, now)
  return true
}

function isAddressChange(message: MessageReader, state: KernelState): boolean {
  const address = readAddressMessage(message)
  if (address === undefined || !state.watchedLinks.has(address.index)) return false
  const name = state.ownLinks.get(address.index)
  // An address of the interface that packets leave by.
  if (name === undefined) return true
  const key = addressKey(name, address.local, address.prefixLength)
  const isKnown = state.addresses.has(key)
  if (isDeletion(message.type)) return isKnown
  return !isKnown && (address.flags & IFA_F_PERMANENT) !== 0 && state.ownership.isOwnAddress(address.local)
}

function isRouteChange(message: MessageReader, state: KernelState): boolean {
  const route = readRoute(message)
  if (route === undefined) return false
  if (state.isOwnRoute(route)) return true
  // A route that replaces one of ours is reported, but the end of ours is not.
  if (!isDeletion(message.type) && state.hasRoute(routeKeyOf(route))) return true
  return state.concernsPeers(route)
}

function isNeighbourChange(message: MessageReader, state: KernelState): boolean {
  // Checked before anything is decoded: this is by far the most frequent notification.
  if (message.end - message.start < 12) return false
  const name = state.ownLinks.get(message.buffer.readInt32LE(message.start + 4))
  if (name === undefined) return false
  const entry = readNeighbour(message)
  if (entry === undefined) return false
  const { family, destination, macAddress } = entry
  const isPermanent = (entry.state & NUD_PERMANENT) !== 0
  if (family === AF_INET || family === AF_INET6) {
    return isPermanent
      ? !isDeletion(message.type)
      : state.neighbours.has(neighbourKey(name, destination ?? ''))
  }
  if (macAddress === undefined || destination === undefined) return false
  const known = state.fdb.get(fdbKey(name, macAddress, destination))
  if (isDeletion(message.type)) return known === destination
  return isPermanent ? known !== destination || entry.differs : known !== undefined
}
