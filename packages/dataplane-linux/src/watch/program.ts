import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import type { Program } from '@selvedge/core'

/** NETLINK_ROUTE of include/uapi/linux/netlink.h, as /proc/net/netlink prints it. */
const NETLINK_ROUTE = '0'

/**
 * The program behind a port that a notification names, looked up while it may still run. The first socket of a process
 * gets the process's id for its port, by a process that binds none itself; further ones get others, beyond all ids.
 * Undefined for the kernel itself, and for such a port, unless this process itself holds it.
 *
 * In another pid namespace the id may be that of an unrelated process here. So a name is given only if the process holds
 * the very socket: one that has ended, as `ip` soon has, and one that runs in a container, have none.
 */
export function programOf(port: number, namespace: string | undefined): Program | undefined {
  if (port === 0) return undefined
  if (port === process.pid || isOwnPort(port)) return thisProcess()
  if (port > MAX_PID) return undefined
  const name = nameOf(port, namespace)
  return name === undefined ? { pid: port } : { pid: port, name }
}

/** PID_MAX_LIMIT of include/linux/threads.h. */
const MAX_PID = 1 << 22

const thisProcess = (): Program => ({ pid: process.pid, name: commOf(process.pid), isThisProcess: true })

/** Whether a socket of this process has the port, such as another overlay's. The main thread's namespace is looked at. */
function isOwnPort(port: number): boolean {
  try {
    return holds(process.pid, new Set(inodesOf(port, '/proc/self/net/netlink')))
  } catch {
    return false
  }
}

/** Whether a process has one of these sockets open. */
function holds(pid: number, inodes: ReadonlySet<string>): boolean {
  if (inodes.size === 0) return false
  const folder = `/proc/${pid}/fd`
  return readdirSync(folder).some((name) => inodes.has(linkOf(`${folder}/${name}`)))
}

const commOf = (pid: number): string => readFileSync(`/proc/${pid}/comm`, 'utf8').trimEnd()

function nameOf(pid: number, namespace: string | undefined): string | undefined {
  try {
    // The process's own view: it may be in the namespace that is watched, or have opened its socket there and left.
    const inodes = new Set([
      ...inodesOf(pid, `/proc/${pid}/net/netlink`),
      ...(namespace === undefined ? inodesOf(pid, '/proc/self/net/netlink') : []),
    ])
    return holds(pid, inodes) ? commOf(pid) : undefined
  } catch {
    // It has ended, or may not be looked at.
    return undefined
  }
}

/** The route sockets of this port, as links in /proc/PID/fd name them. */
function inodesOf(port: number, table: string): string[] {
  return readFileSync(table, 'utf8')
    .split('\n')
    .flatMap((line) => {
      // sk, protocol, port, groups, rmem, wmem, dump, locks, drops, inode
      const [, protocol, linePort, , , , , , , inode] = line.trim().split(/\s+/)
      return protocol === NETLINK_ROUTE && linePort === `${port}` ? [`socket:[${inode}]`] : []
    })
}

function linkOf(path: string): string {
  try {
    return readlinkSync(path)
  } catch {
    return ''
  }
}
