import { type Damage, timeHealing } from '../healing.js'
import type { Host } from '../host.js'
import type { Repair } from './result.js'

/** What one peer's lease puts into a host's kernel, by the addresses that name it there. */
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

/** Damage to an overlay of host-gw, which holds routes and nothing else. */
export function hostGatewayDamages([victim]: readonly PeerEntries[]): DamageCommand[] {
  return victim === undefined ? [] : [routeDeleted(victim)]
}

/** Damage to an overlay of vxlan: a route, a forwarding entry, and the device with everything on it. */
export function vxlanDamages(peers: readonly PeerEntries[], device: string): DamageCommand[] {
  const [victim] = peers
  if (victim === undefined) return []
  return [
    routeDeleted(victim),
    {
      command: `bridge fdb delete ${victim.vtepMac} dev ${device} dst ${victim.publicIp}`,
      done: new RegExp(`^Deleted ${forwardingOf(victim, device)}`),
      back: [new RegExp(`^${forwardingOf(victim, device)}`)],
    },
    {
      command: `ip link delete ${device}`,
      done: new RegExp(`^Deleted \\d+: ${literal(device)}:`),
      back: [
        new RegExp(`^\\d+: ${literal(device)}: <.*\\bUP\\b`),
        ...peers.flatMap((peer) => [
          new RegExp(`^${forwardingOf(peer, device)}`),
          new RegExp(`^${literal(baseOf(peer))} dev ${literal(device)} lladdr ${peer.vtepMac}`),
          new RegExp(`^${literal(peer.subnet)} `),
        ]),
      ],
    },
  ]
}

/** Does each damage in turn, and tells of each repair once it is done. */
export async function* inflict(host: Host, damages: readonly DamageCommand[]): AsyncGenerator<Repair> {
  for (const { command, done, back } of damages) {
    const [program = '', ...args] = command.split(' ')
    const { duration, events } = await timeHealing(host, {
      inflict: () => host.exec(program, args),
      done,
      back,
    })
    yield { host: host.name, command, healedAfter: duration, events }
  }
}

function routeDeleted({ subnet }: PeerEntries): DamageCommand {
  return {
    command: `ip route delete ${subnet}`,
    done: new RegExp(`^Deleted ${literal(subnet)} `),
    back: [new RegExp(`^${literal(subnet)} `)],
  }
}

/** How `ip monitor` prints an entry of a vxlan device's forwarding table: as a neighbour on the underlay. */
function forwardingOf({ publicIp, vtepMac }: PeerEntries, device: string): string {
  return `${literal(publicIp)} dev ${literal(device)} lladdr ${vtepMac}`
}

/** The base address of a peer's subnet, which is the address of its VTEP. */
function baseOf({ subnet }: PeerEntries): string {
  return subnet.slice(0, subnet.indexOf('/'))
}

function literal(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')
}
