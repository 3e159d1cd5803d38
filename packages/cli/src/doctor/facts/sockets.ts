import { readdir, readFile, readlink } from 'node:fs/promises'
import { basename } from 'node:path'

export interface UdpSocket {
  readonly port: number
  readonly inode: string
  /** Undefined for a socket of the kernel's own, and for that of a process that cannot be seen. */
  readonly owner: SocketOwner | undefined
}

export interface SocketOwner {
  /** Such as `socat`; of a program that Node.js runs, its file. */
  readonly name: string
  readonly pid: number
}

/** The UDP sockets that are bound to one of these ports. */
export async function udpSockets(ports: readonly number[]): Promise<readonly UdpSocket[]> {
  if (ports.length === 0) return []
  const found = (await Promise.all(['udp', 'udp6'].map((name) => boundIn(`/proc/net/${name}`)))).flat()
  const wanted = found.filter(({ port, inode }) => ports.includes(port) && inode !== '0')
  if (wanted.length === 0) return []
  const owners = await ownersOf(new Set(wanted.map(({ inode }) => inode)))
  return wanted.map((socket) => ({ ...socket, owner: owners.get(socket.inode) }))
}

async function boundIn(table: string): Promise<{ port: number; inode: string }[]> {
  const text = await readFile(table, 'utf8').catch(() => '')
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      // sl, local address, remote address, state, queues, timer, retransmissions, uid, timeout, inode
      const [, local = '', , , , , , , , inode = ''] = line.trim().split(/\s+/)
      const port = Number.parseInt(local.split(':')[1] ?? '', 16)
      return Number.isNaN(port) ? [] : [{ port, inode }]
    })
}

async function ownersOf(inodes: ReadonlySet<string>): Promise<ReadonlyMap<string, SocketOwner>> {
  const owners = new Map<string, SocketOwner>()
  for (const pid of await processIds()) {
    const names = await readdir(`/proc/${pid}/fd`).catch(() => [])
    for (const name of names) {
      const [, inode] =
        /^socket:\[(\d+)\]$/.exec(await readlink(`/proc/${pid}/fd/${name}`).catch(() => '')) ?? []
      if (inode === undefined || !inodes.has(inode) || owners.has(inode)) continue
      owners.set(inode, { name: await nameOf(pid), pid: Number(pid) })
    }
  }
  return owners
}

/** As the kernel has it; of what Node.js runs, the name of its file. */
async function nameOf(pid: string): Promise<string> {
  const name = (await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '?')).trim()
  if (name !== 'node' && name !== 'MainThread') return name
  const [, script = ''] = (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).split('\0')
  return script === '' || script.startsWith('-') ? 'node' : basename(script)
}

/** The names of the programs that run in this process's network namespace. */
export async function programsHere(): Promise<ReadonlySet<string>> {
  const here = await readlink('/proc/self/ns/net').catch(() => '')
  const names = new Set<string>()
  for (const pid of await processIds()) {
    if ((await readlink(`/proc/${pid}/ns/net`).catch(() => '?')) !== here) continue
    names.add((await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')).trim())
  }
  return names
}

const processIds = async (): Promise<readonly string[]> =>
  (await readdir('/proc').catch(() => [])).filter((name) => /^\d+$/.test(name))
