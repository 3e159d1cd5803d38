import { type Damage, type Healing, timeHealing } from './healing.js'
import type { Namespace } from './namespace.js'

/** What one peer's lease puts into another host's kernel, by the names that it has there. */
export interface PeerEntries {
  /** The peer's subnet: `10.244.2.0/24`. */
  subnet: string
  /** The peer's own address on the underlay. */
  publicIp: string
  /** The MAC of the peer's VTEP. Absent without one. */
  vtepMac?: string | undefined
}

/** A command that damages a host, and how the kernel tells of the damage and of its repair. */
export interface DamageCommand extends Omit<Damage, 'inflict'> {
  command: string
}

/** Does a damage, and waits until it is healed. */
export function inflict(host: Namespace, { command, ...damage }: DamageCommand): Promise<Healing> {
  return timeHealing(host, { inflict: () => host.exec('sh', ['-ec', command]), ...damage })
}

export function deleteRoute(peer: PeerEntries): DamageCommand {
  return {
    command: `ip route delete ${peer.subnet}`,
    done: told(`Deleted ${routeOf(peer)}`),
    back: [told(routeOf(peer))],
  }
}

export function deleteNeighbour(peer: PeerEntries, device: string): DamageCommand {
  return {
    command: `ip neigh delete ${baseOf(peer)} dev ${device}`,
    // A neighbour that is deleted first becomes one that failed.
    done: told(`(Deleted )?${literal(`${baseOf(peer)} dev ${device}`)} .*FAILED`),
    back: [told(neighbourOf(peer, device))],
  }
}

export function deleteForwarding(peer: PeerEntries, device: string): DamageCommand {
  return {
    command: `bridge fdb delete ${peer.vtepMac} dev ${device} dst ${peer.publicIp}`,
    done: told(`Deleted ${forwardingOf(peer, device)}`),
    back: [told(forwardingOf(peer, device))],
  }
}

/** Takes the routes, neighbours and forwarding entries of all peers with it. */
export function deleteDevice(peers: readonly PeerEntries[], device: string): DamageCommand {
  return {
    command: `ip link delete ${device}`,
    done: told(`Deleted \\d+: ${literal(device)}:`),
    back: [
      told(upOf(device)),
      ...peers.flatMap((peer) => [
        told(forwardingOf(peer, device)),
        told(neighbourOf(peer, device)),
        told(routeOf(peer)),
      ]),
    ],
  }
}

/** Takes the routes and neighbours of all peers with it; forwarding entries stay. */
export function flapDevice(peers: readonly PeerEntries[], device: string): DamageCommand {
  return {
    command: `ip link set ${device} down; ip link set ${device} up`,
    done: told(`\\d+: ${literal(device)}: <BROADCAST,MULTICAST>`),
    back: [
      told(upOf(device)),
      ...peers.flatMap((peer) => [told(neighbourOf(peer, device)), told(routeOf(peer))]),
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
    done: told(`\\d+: ${literal(parent)}(@\\S+)?: .* mtu ${mtu} `),
    back: [told(`\\d+: ${literal(device)}: .* mtu ${mtu - overhead} `)],
  }
}

/** Anchored: an event that tells of a deletion begins with `Deleted`. */
const told = (pattern: string): RegExp => new RegExp(`^${pattern}`)

const routeOf = ({ subnet }: PeerEntries): string => `${literal(subnet)} `

const neighbourOf = (peer: PeerEntries, device: string): string =>
  literal(`${baseOf(peer)} dev ${device} lladdr ${peer.vtepMac} PERMANENT`)

/** `ip monitor` prints an entry of a vxlan device's forwarding table as a neighbour on the underlay. */
const forwardingOf = ({ publicIp, vtepMac }: PeerEntries, device: string): string =>
  literal(`${publicIp} dev ${device} lladdr ${vtepMac}`)

const upOf = (device: string): string => `\\d+: ${literal(device)}: <\\S*\\bUP\\b`

/** The base address of a peer's subnet, which is the address of its VTEP. */
const baseOf = ({ subnet }: PeerEntries): string => subnet.slice(0, subnet.indexOf('/'))

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
