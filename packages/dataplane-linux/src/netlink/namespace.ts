import { closeSync, openSync } from 'node:fs'
import { OverlayError } from '@selvedge/core'
import { errnoName } from './errno.js'
import { loadLibc } from './libc.js'

/** include/uapi/linux/sched.h */
const CLONE_NEWNET = 0x40000000
const OWN_NAMESPACE = '/proc/thread-self/ns/net'

/**
 * Calls `body` with this thread inside the network namespace that the file `path` stands for, such as
 * `/run/netns/blue` or `/proc/4711/ns/net`, and comes back whatever happens. Without a path it just calls `body`.
 *
 * Only what `body` does synchronously happens there: a socket belongs for good to the namespace that it was made
 * in, and `/proc/sys/net` shows that of the thread that opens a file in it. Needs CAP_SYS_ADMIN.
 */
export function inNamespace<T>(path: string | undefined, body: () => T): T {
  if (path === undefined) return body()
  const libc = loadLibc()
  const home = openSync(OWN_NAMESPACE, 'r')
  try {
    const target = openTarget(path)
    try {
      // Entering one's own namespace changes nothing and asks for the same rights as coming back will.
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

function openTarget(path: string): number {
  try {
    return openSync(path, 'r')
  } catch (error) {
    throw new OverlayError('UNSUPPORTED', `network namespace ${path} cannot be opened: ${String(error)}`, {
      cause: error,
    })
  }
}

function refused(path: string, errno: number): OverlayError {
  const name = errnoName(errno)
  if (name === 'EINVAL') {
    return new OverlayError('UNSUPPORTED', `${path} is not a network namespace (setns: EINVAL)`, {
      errno: name,
    })
  }
  return new OverlayError(
    'ACCESS_DENIED',
    `entering network namespace ${path} was refused (setns: ${name}); it takes CAP_SYS_ADMIN`,
    { errno: name },
  )
}

/** The way back was tried on the way in, so this does not happen short of a fault in the kernel. */
function stranded(path: string, errno: number): OverlayError {
  return new OverlayError(
    'KERNEL_REFUSED',
    `this thread cannot leave network namespace ${path} (setns: ${errnoName(errno)}); restart the process`,
    { errno: errnoName(errno) },
  )
}
