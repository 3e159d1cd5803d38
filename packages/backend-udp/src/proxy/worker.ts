import { closeSync, openSync } from 'node:fs'
import { receiveMessageOnPort } from 'node:worker_threads'
import { ProxyCounters } from './counters.js'
import { Forwarder } from './forwarder.js'
import { type Libc, loadLibc } from './libc.js'
import type { Report, Request, ThreadData, ThreadError } from './messages.js'
import { SystemError } from './system-error.js'

/** include/uapi/linux/sched.h */
const CLONE_NEWNET = 0x40000000
/** include/uapi/linux/eventfd.h */
const EFD_CLOEXEC = 0o2000000
const EFD_NONBLOCK = 0o4000

/** What is read from an eventfd: a count, which does not matter. */
const IGNORED = Buffer.allocUnsafeSlow(8)

/** What the thread of a proxy does, from its start to its end. It blocks: no timer and no event has a turn in it. */
export function run({ port, namespace, counters }: ThreadData): void {
  const report = (message: Report): void => port.postMessage(message)
  let forwarder: Forwarder | undefined
  try {
    const libc = loadLibc()
    if (namespace !== undefined) enterNamespace(libc, namespace)
    // The other thread writes to it, and closes it once this one has ended.
    const wake = libc.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)
    if (wake < 0) throw new SystemError('making an eventfd', libc.errno())
    report({ type: 'ready', wake })
    forwarder = new Forwarder(libc, new ProxyCounters(counters), wake)
    const ignored = libc.addressOf(IGNORED)
    for (;;) {
      libc.read(wake, ignored, IGNORED.length)
      for (;;) {
        const received: { message: Request } | undefined = receiveMessageOnPort(port)
        if (received === undefined) break
        if (received.message.type === 'close') return
        report(carryOut(forwarder, received.message))
      }
      const wasAttached = forwarder.isAttached
      forwarder.turn()
      if (wasAttached && !forwarder.isAttached) report({ type: 'detached' })
    }
  } catch (error) {
    report({ type: 'failed', error: threadError(error) })
  } finally {
    forwarder?.detach()
    port.close()
  }
}

function carryOut(forwarder: Forwarder, request: Exclude<Request, { type: 'close' }>): Report {
  const { id } = request
  try {
    switch (request.type) {
      case 'attach':
        forwarder.attach(request.proxy)
        break
      case 'detach':
        forwarder.detach()
        break
      case 'peers':
        for (const subnet of request.deleted) forwarder.peers.delete(subnet)
        for (const peer of request.put) forwarder.peers.put(peer)
        break
    }
    return { type: 'answer', id }
  } catch (error) {
    return { type: 'answer', id, error: threadError(error) }
  }
}

function threadError(error: unknown): ThreadError {
  return {
    message: error instanceof Error ? error.message : String(error),
    errno: error instanceof SystemError ? error.errno : undefined,
  }
}

/** For good: the thread is the proxy's own. */
function enterNamespace(libc: Libc, path: string): void {
  const fd = openSync(path, 'r')
  try {
    if (libc.setns(fd, CLONE_NEWNET) !== 0) {
      throw new SystemError(`entering network namespace ${path}`, libc.errno())
    }
  } finally {
    closeSync(fd)
  }
}
