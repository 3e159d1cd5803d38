import { readFileSync } from 'node:fs'
import { readdir, readFile, readlink } from 'node:fs/promises'
import { printable } from '@selvedge/core/kit'
import { inNamespace } from '../netlink/index.js'

/** A socket in /proc/net/udp or udp6. */
export interface UdpSocket {
  readonly port: number
  /** The user it belongs to. */
  readonly uid: number
  readonly inode: number
}

/** Reads the text of /proc/net/udp or udp6. */
export function parseUdpSockets(text: string): UdpSocket[] {
  return text.split('\n').flatMap((line) => {
    // sl, local address, remote address, state, queues, timer, retransmissions, uid, timeout, inode
    const [, local = '', , , , , , uid, , inode] = line.trim().split(/\s+/)
    const port = Number.parseInt(local.slice(local.lastIndexOf(':') + 1), 16)
    return Number.isNaN(port) || !/^\d+$/.test(inode ?? '')
      ? []
      : [{ port, uid: Number(uid), inode: Number(inode) }]
  })
}

/**
 * Says what holds a UDP port in a network namespace, as far as this process can see: a sentence for an error.
 *
 * @param namespace by path; this thread's own if undefined
 */
export async function describeUdpPortHolder(port: number, namespace: string | undefined): Promise<string> {
  let sockets: UdpSocket[]
  try {
    const tables = inNamespace(namespace, () =>
      ['udp', 'udp6'].map((table) => readIfThere(`/proc/thread-self/net/${table}`)),
    )
    if (tables[0] === undefined) return 'What holds it cannot be seen without /proc'
    sockets = tables.flatMap((text) => parseUdpSockets(text ?? '')).filter((socket) => socket.port === port)
  } catch {
    return 'What holds it cannot be seen from here'
  }
  const [first] = sockets
  if (first === undefined) return 'Nothing holds it by now'
  const process = await findProcess(new Set(sockets.map(({ inode }) => `socket:[${inode}]`)))
  if (process !== undefined) return `Process ${process} holds it`
  return (
    `A socket of user ${first.uid} holds it (inode ${first.inode}), of no process that can be seen from here: it is the ` +
    "kernel's own, such as that of a VXLAN link that was moved to another network namespace, or is in another container"
  )
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // No /proc; or a kernel without IPv6.
    return undefined
  }
}

/** The first process that has one of these descriptors open, as `4711 (dnsmasq)`. */
async function findProcess(descriptors: ReadonlySet<string>): Promise<string | undefined> {
  const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
  for (const pid of pids) {
    // Processes end meanwhile, and those of other users are not shown.
    const names = await readdir(`/proc/${pid}/fd`).catch(() => [])
    for (const name of names) {
      const target = await readlink(`/proc/${pid}/fd/${name}`).catch(() => '')
      if (!descriptors.has(target)) continue
      const command = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
      return `${pid} (${printable(command.trim())})`
    }
  }
  return undefined
}
