import { closeSync, openSync } from 'node:fs'
import { errnoName } from './errno.js'
import { NetlinkError } from './errors.js'
import { loadLibc } from './libc.js'

/** include/uapi/linux/sched.h */
const CLONE_NEWNET = 0x40000000
const OWN_NAMESPACE = '/proc/thread-self/ns/net'

/**
 * Calls `body` with this thread inside the network namespace of the file `path`, such as `/run/netns/blue` or
 * `/proc/4711/ns/net`, and always returns to the original one. Without a path it just calls `body`.
 *
 * Only the synchronous part of `body` runs there: a socket stays in the namespace that it was created in, and
 * `/proc/sys/net` shows the namespace of the thread that opens a file in it. Needs CAP_SYS_ADMIN.
 */
export function inNamespace<T>(path: string | undefined, body: () => T): T {
  if (path === undefined) return body()
  const libc = loadLibc()
  const home = openNamespace(OWN_NAMESPACE)
  try {
    const target = openNamespace(path)
    try {
      // Entering the namespace that the thread is in changes nothing, and needs the rights that returning will need.
      if (libc.setns(home, CLONE_NEWNET) !== 0) throw refused(path, libc.errno())
      if (libc.setns(target, CLONE_NEWNET) !== 0) throw refused(path, libc.errno())
    } finally {
      closeSync(target)
    }
    return thenLeave(body, () => {
      if (libc.setns(home, CLONE_NEWNET) !== 0) throw stranded(path, libc.errno())
    })
  } finally {
    closeSync(home)
  }
}

function thenLeave<T>(body: () => T, leave: () => void): T {
  let result: T
  try {
    result = body()
  } catch (error) {
    leave()
    throw error
  }
  leave()
  return result
}

function openNamespace(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    const operation = `opening network namespace ${path}`
    if (!isMissing(error)) throw NetlinkError.from(error, 'unavailable', operation)
    throw new NetlinkError({
      reason: 'absent',
      operation,
      explanation:
        'there is no such file (ENOENT); give a path, such as /run/netns/blue for what `ip netns add blue` makes',
      errno: 'ENOENT',
      cause: error,
    })
  }
}

const isMissing = (error: unknown): boolean =>
  error instanceof Error && Reflect.get(error, 'code') === 'ENOENT'

function refused(path: string, number: number): NetlinkError {
  const operation = `entering network namespace ${path}`
  const errno = errnoName(number)
  if (errno === 'EINVAL') {
    return new NetlinkError({
      reason: 'absent',
      operation,
      explanation: 'it is not a network namespace (setns: EINVAL)',
      errno,
    })
  }
  return new NetlinkError({ reason: 'refused', operation, errno, capability: 'CAP_SYS_ADMIN' })
}

/** Returning was tried on the way in, so this takes a kernel fault. */
const stranded = (path: string, number: number): NetlinkError =>
  new NetlinkError({
    reason: 'refused',
    operation: `leaving network namespace ${path}`,
    explanation: `setns failed with ${errnoName(number)}; restart the process`,
    errno: errnoName(number),
  })
