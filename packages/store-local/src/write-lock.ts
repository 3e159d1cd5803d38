import { closeSync, openSync, readFileSync, readSync, realpathSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'

/** Where LMDB's lock file may hold the mutex of writers: after one cache line (x64), or after two (arm64). */
const MUTEX_OFFSETS = [64, 128]
/** Where glibc keeps a mutex's kind, and what it says of one that is shared and robust (bits/struct_mutex.h). */
const KIND_OFFSET = 16
const SHARED_ROBUST = 0x90
/** The bits of a robust futex that hold the thread id of who has it (include/uapi/linux/futex.h). */
const FUTEX_TID_MASK = 0x3fff_ffff

/** Enough of the lock file to hold all of that; less than its least size, a page. */
const HEAD_SIZE = 256

const POLL = 5

/**
 * The thread that holds LMDB's lock for writers, by its id in its own pid namespace. Undefined where nobody does, or
 * where the lock file is not laid out as glibc does it: then nothing can be told, and one waits as LMDB does.
 */
export function writeLockHolder(lockPath: string): number | undefined {
  let lock: Buffer
  try {
    lock = readLockFile(lockPath)
  } catch {
    // No lock file yet, so nobody holds the lock. What else may be wrong with it, LMDB says when it opens it.
    return undefined
  }
  for (const offset of MUTEX_OFFSETS) {
    if (lock.length < offset + KIND_OFFSET + 4) continue
    if (lock.readUInt32LE(offset + KIND_OFFSET) !== SHARED_ROBUST) continue
    const thread = lock.readUInt32LE(offset) & FUTEX_TID_MASK
    return thread === 0 ? undefined : thread
  }
  return undefined
}

/**
 * The head of the lock file, as it is in memory where this process has it open already. LMDB tells a process that lives
 * from one that is dead by a lock of fcntl's on this file, and the kernel drops all such locks of a process as soon as
 * the process closes the file, by whatever descriptor (fcntl(2)): whoever opened and closed it here would lose its
 * readers' slots to another process, and get MDB_BAD_RSLOT.
 */
function readLockFile(lockPath: string): Buffer {
  const path = realpathSync(lockPath)
  const mapping = readFileSync('/proc/self/maps', 'utf8')
    .split('\n')
    .find((line) => line.endsWith(` ${path}`))
  if (mapping === undefined) return readFileSync(path)
  const head = Buffer.alloc(HEAD_SIZE)
  const memory = openSync('/proc/self/mem', 'r')
  try {
    readSync(memory, head, 0, head.length, Number.parseInt(mapping, 16))
  } finally {
    closeSync(memory)
  }
  return head
}

/**
 * Waits until nobody holds the lock for writers, at most `timeout` ms of real time; returns who still holds it then.
 *
 * LMDB itself waits for its lock for ever and on the thread that asks, which here is the whole program. Writers hold
 * it for under a millisecond, and the kernel takes it from one that is killed; but one that is stopped (SIGSTOP, a
 * frozen cgroup, a debugger) in that millisecond keeps it. So look first.
 */
export async function waitForWriteLock(
  lockPath: string,
  timeout: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const deadline = performance.now() + timeout
  for (;;) {
    signal.throwIfAborted()
    const holder = writeLockHolder(lockPath)
    if (holder === undefined || performance.now() >= deadline) return holder
    // Rejects with an AbortError of its own, where the caller is owed the signal's reason.
    await sleep(POLL, undefined, { signal }).catch(() => signal.throwIfAborted())
  }
}
