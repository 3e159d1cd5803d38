import { readFile, stat } from 'node:fs/promises'

/** The lock that all programs of iptables take turns by; iptables' own default (XT_LOCK_NAME). */
const LOCK_FILE = '/run/xtables.lock'

/** Who holds iptables' lock, in words; undefined if nobody does any more, or it cannot be known. */
export async function lockHolder(path = LOCK_FILE): Promise<string | undefined> {
  try {
    const { ino } = await stat(path)
    const pid = holderOf(await readFile('/proc/locks', 'utf8'), ino)
    if (pid === undefined) return undefined
    const command = await readFile(`/proc/${pid}/comm`, 'utf8').catch(() => '')
    return `process ${pid}${command === '' ? '' : ` (${command.trim()})`}`
  } catch {
    return undefined
  }
}

/** Of lines such as `1: FLOCK  ADVISORY  WRITE 4711 00:1a:1234 0 EOF`: those that wait have an arrow. */
export function holderOf(locks: string, inode: number): number | undefined {
  for (const line of locks.split('\n')) {
    const [, pid, ino] = /^\d+: FLOCK +\w+ +\w+ +(\d+) +[0-9a-f]+:[0-9a-f]+:(\d+) /.exec(line) ?? []
    if (ino !== undefined && Number(ino) === inode) return Number(pid)
  }
  return undefined
}
