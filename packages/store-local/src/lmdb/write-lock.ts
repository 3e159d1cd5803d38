import { setTimeout as sleep } from 'node:timers/promises'

/** Where LMDB's lock file may hold the mutex of writers: after one cache line (x64), or after two (arm64). */
const MUTEX_OFFSETS = [64, 128]
/** Where glibc keeps a mutex's kind, and what it says of one that is shared and robust (bits/struct_mutex.h). */
const KIND_OFFSET = 16
const SHARED_ROBUST = 0x90
/** The bits of a robust futex that hold the thread id of who has it (include/uapi/linux/futex.h). */
const FUTEX_TID_MASK = 0x3fff_ffff

/** How much of the lock file tells who holds the lock, in bytes. */
export const LOCK_HEAD = 160

/** How often to look again, in ms. */
const POLL = 5

/**
 * The thread that holds LMDB's lock for writers, by its id in its own pid namespace, as the head of the lock file
 * tells. Undefined where nobody does, or where the file is not laid out as glibc does it (musl): then nothing can be
 * told, and one waits as LMDB does.
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
 * Waits until nobody holds the lock for writers, at most `timeout` ms of real time; returns who still holds it then.
 *
 * LMDB itself waits for its lock for ever and on the thread that asks, which here is the whole program. Writers hold
 * it for about a millisecond, and the kernel takes it from one that is killed; but one that is stopped (SIGSTOP, a
 * frozen cgroup, a debugger) in that millisecond keeps it. So look first.
 */
export async function waitForWriteLock(
  readHead: () => Buffer,
  timeout: number,
  signal?: AbortSignal,
): Promise<number | undefined> {
  const deadline = performance.now() + timeout
  for (;;) {
    signal?.throwIfAborted()
    const holder = writeLockHolder(readHead())
    if (holder === undefined || performance.now() >= deadline) return holder
    // Rejects with an AbortError of its own, where the caller is owed the signal's reason.
    await sleep(POLL, undefined, { signal }).catch(() => signal?.throwIfAborted())
  }
}
