import { setTimeout as sleep } from 'node:timers/promises'

/** Where LMDB's lock file may hold the writers' mutex: after one cache line (x64) or two (arm64). */
const MUTEX_OFFSETS = [64, 128]
/** Where glibc keeps the kind of a mutex, and the kind of one that is shared and robust (bits/struct_mutex.h). */
const KIND_OFFSET = 16
const SHARED_ROBUST = 0x90
/** The bits of a robust futex that hold its owner's thread id (include/uapi/linux/futex.h). */
const FUTEX_TID_MASK = 0x3fff_ffff

/** How much of the lock file says who holds the lock, in bytes. */
export const LOCK_HEAD = 160

/** How often to look again, in ms. */
const POLL = 5

/**
 * The thread that holds LMDB's lock for writers, by its id in its own pid namespace, as the head of the lock file says.
 * Undefined if none does, or if the file is not laid out as glibc does it (musl): then the owner is unknown, and a
 * writer waits as LMDB does.
 */
export function writeLockHolder(head: Buffer): number | undefined {
  for (const offset of MUTEX_OFFSETS) {
    if (head.length < offset + KIND_OFFSET + 4) return undefined
    if (head.readUInt32LE(offset + KIND_OFFSET) !== SHARED_ROBUST) continue
    const thread = head.readUInt32LE(offset) & FUTEX_TID_MASK
    return thread === 0 ? undefined : thread
  }
  return undefined
}

/**
 * Waits until no thread holds the lock for writers, for at most `timeoutMs` of real time. Returns the thread that still
 * holds it then.
 *
 * LMDB itself waits for its lock without end, and blocks the thread that asks, which here is the whole program. Writers
 * hold it for about a millisecond, and the kernel releases it for one that is killed; but one that is stopped (SIGSTOP, a
 * frozen cgroup, a debugger) in that millisecond keeps it. So this looks first.
 */
export async function waitForWriteLock(
  readHead: () => Buffer,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<number | undefined> {
  const deadline = performance.now() + timeoutMs
  for (;;) {
    signal?.throwIfAborted()
    const holder = writeLockHolder(readHead())
    if (holder === undefined || performance.now() >= deadline) return holder
    // Rejects with an AbortError of its own, but the caller is promised the signal's reason.
    await sleep(POLL, undefined, { signal }).catch(() => signal?.throwIfAborted())
  }
}
