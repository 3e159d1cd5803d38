import { type Damage, type Healing, timeHealing } from './healing.js'
import type { Namespace } from './namespace.js'

/** What one peer's lease adds to another host's kernel. */
export interface PeerEntries {
  /** The peer's subnet: `10.244.2.0/24`. */
  subnet: string
  /** The peer's own address on the underlay. */
  publicIp: string
  /** The MAC of the peer's VTEP. Absent without one. */
  vtepMac?: string | undefined
}

/** A command that damages a host, and the notifications of the damage and of its repair. */
export interface DamageCommand extends Omit<Damage, 'inflict'> {
  command: string
}

/** Does damage, and waits until it is repaired. */
export function inflict(host: Namespace, { command, ...damage }: DamageCommand): Promise<Healing> {
  return timeHealing(host, { inflict: () => host.exec('sh', ['-ec', command]), ...damage })
}

export function deleteRoute(peer: PeerEntries): DamageCommand {
  return {
    command: `ip route delete ${peer.subnet}`,
    done: notification(`Deleted ${routeOf(peer)}`),
    back: [notification(routeOf(peer))],
  }
}

export function deleteNeighbour(peer: PeerEntries, device: string): DamageCommand {
  return {
    command: `ip neigh delete ${baseOf(peer)} dev ${device}`,
    // A neighbour that is deleted first becomes one that failed.
    done: notification(`(Deleted )?${literal(`${baseOf(peer)} dev ${device}`)} .*FAILED`),
    back: [notification(neighbourOf(peer, device))],
  }
}

export function deleteFdbEntry(peer: PeerEntries, device: string): DamageCommand {
  return {
    command: `bridge fdb delete ${peer.vtepMac} dev ${device} dst ${peer.publicIp}`,
    done: notification(`Deleted ${fdbEntryOf(peer, device)}`),
    back: [notification(fdbEntryOf(peer, device))],
  }
}

/** For a device that the whole network is behind. */
export function deleteNetworkRoute(network: string, device: string): DamageCommand {
  return {
    command: `ip route delete ${network}`,
    done: notification(`Deleted ${literal(`${network} dev ${device}`)}`),
    back: [notification(literal(`${network} dev ${device}`))],
  }
}

/** The same device, and its route with it. */
export function deleteNetworkDevice(network: string, device: string): DamageCommand {
  return {
    command: `ip link delete ${device}`,
    done: notification(`Deleted \\d+: ${literal(device)}:`),
    back: [notification(upOf(device)), notification(literal(`${network} dev ${device}`))],
  }
}

/** Takes the routes, neighbours and fdb entries of all peers with it. */
export function deleteDevice(peers: readonly PeerEntries[], device: string): DamageCommand {
  return {
    command: `ip link delete ${device}`,
    done: notification(`Deleted \\d+: ${literal(device)}:`),
    back: [
      notification(upOf(device)),
      ...peers.flatMap((peer) => [
        notification(fdbEntryOf(peer, device)),
        notification(neighbourOf(peer, device)),
        notification(routeOf(peer)),
      ]),
    ],
  }
}

/** Takes the routes and neighbours of all peers with it; fdb entries stay. */
export function flapDevice(peers: readonly PeerEntries[], device: string): DamageCommand {
  return {
    command: `ip link set ${device} down; ip link set ${device} up`,
    done: notification(`\\d+: ${literal(device)}: <BROADCAST,MULTICAST>`),
    back: [
      notification(upOf(device)),
      ...peers.flatMap((peer) => [notification(neighbourOf(peer, device)), notification(routeOf(peer))]),
    ],
  }
}

/** The same, without putting it up again. */
export function putDeviceDown(peers: readonly PeerEntries[], device: string): DamageCommand {
  return { ...flapDevice(peers, device), command: `ip link set ${device} down` }
}

/** The device's own MTU has to follow: `overhead` bytes less. */
export function changeParentMtu(
  parent: string,
  mtu: number,
  device: string,
  overhead: number,
): DamageCommand {
  return {
    command: `ip link set ${parent} mtu ${mtu}`,
    done: notification(`\\d+: ${literal(parent)}(@\\S+)?: .* mtu ${mtu} `),
    back: [notification(`\\d+: ${literal(device)}: .* mtu ${mtu - overhead} `)],
  }
}

/** Anchored: the notification of a deletion begins with `Deleted`. */
const notification = (pattern: string): RegExp => new RegExp(`^${pattern}`)

const routeOf = ({ subnet }: PeerEntries): string => `${literal(subnet)} `

const neighbourOf = (peer: PeerEntries, device: string): string =>
  literal(`${baseOf(peer)} dev ${device} lladdr ${peer.vtepMac} PERMANENT`)

/** `ip monitor` prints an fdb entry of a vxlan device as a neighbour on the underlay. */
const fdbEntryOf = ({ publicIp, vtepMac }: PeerEntries, device: string): string =>
  literal(`${publicIp} dev ${device} lladdr ${vtepMac}`)

const upOf = (device: string): string => `\\d+: ${literal(device)}: <\\S*\\bUP\\b`

/** The base address of a peer's subnet, which is the address of its VTEP. */
const baseOf = ({ subnet }: PeerEntries): string => subnet.slice(0, subnet.indexOf('/'))

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
