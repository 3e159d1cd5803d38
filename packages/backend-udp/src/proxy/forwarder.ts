import { closeSync } from 'node:fs'
import type { Family } from '@selvedge/core/kit'
import type { UdpProxyResource } from '../resource.js'
import type { ProxyCounters } from './counters.js'
import { IcmpAnswers } from './icmp-answers.js'
import { Inbound } from './inbound.js'
import type { Libc } from './libc.js'
import { memory, viewOf } from './memory.js'
import { Outbound } from './outbound.js'
import { PeerTable } from './peer-table.js'
import { openSocket } from './socket.js'
import { attachTun, detachTun } from './tun.js'

/** include/uapi/asm-generic/poll.h */
const POLLIN = 1
const POLLERR = 8
const POLLHUP = 16
const POLLNVAL = 32
const POLLFD = 8

/** A thread that is to end cannot be interrupted in a call: it returns from this one after so long. */
const MAX_WAIT_MS = 500

interface Attached {
  readonly proxy: UdpProxyResource
  readonly tun: number
  readonly sockets: ReadonlyMap<Family, number>
}

/**
 * Packets from the TUN device to peers, and from peers to the device. Each `turn` waits until there is something to do,
 * and does some of it.
 */
export class Forwarder {
  readonly peers = new PeerTable()
  readonly #libc: Libc
  readonly #answers: IcmpAnswers
  readonly #outbound: Outbound
  readonly #inbound: Readonly<Record<Family, Inbound>>
  readonly #polled: DataView
  readonly #polledAt: number
  #attached: Attached | undefined

  /** @param wake a file descriptor; `turn` returns when it can be read */
  constructor(libc: Libc, counters: ProxyCounters, wake: number) {
    this.#libc = libc
    this.#answers = new IcmpAnswers(libc)
    this.#outbound = new Outbound(libc, counters, this.peers, this.#answers)
    this.#inbound = {
      4: new Inbound(libc, counters, this.peers, 4),
      6: new Inbound(libc, counters, this.peers, 6),
    }
    const polled = memory(4 * POLLFD)
    this.#polled = viewOf(polled)
    this.#polledAt = libc.addressOf(polled)
    this.#poll(0, wake)
    this.#use(undefined)
  }

  get isAttached(): boolean {
    return this.#attached !== undefined
  }

  /** Attaches to the device and opens the sockets, or what of them is not so yet. Throws a SystemError if it cannot. */
  attach(proxy: UdpProxyResource): void {
    this.peers.setNode(proxy)
    if (this.#attached?.proxy.device !== proxy.device) this.detach()
    const before = this.#attached
    const tun = before?.tun ?? attachTun(this.#libc, proxy.device)
    const keeps =
      before !== undefined &&
      before.proxy.port === proxy.port &&
      before.proxy.addresses.join() === proxy.addresses.join()
    try {
      this.#use({ proxy, tun, sockets: keeps ? before.sockets : this.#openSockets(proxy, before) })
    } catch (error) {
      this.#use(undefined)
      closeSync(tun)
      throw error
    }
  }

  detach(): void {
    const attached = this.#attached
    if (attached === undefined) return
    this.#use(undefined)
    detachTun(this.#libc, attached.tun)
    for (const fd of attached.sockets.values()) this.#libc.close(fd)
  }

  /** Waits for packets, for `wake`, or for a moment, and forwards up to a batch of packets each way. */
  turn(): void {
    if (this.#libc.poll(this.#polledAt, 4, MAX_WAIT_MS) <= 0) return
    const attached = this.#attached
    if (attached === undefined) return
    const { tun, sockets } = attached
    const events = this.#events(1)
    const isThere =
      (events & (POLLERR | POLLHUP | POLLNVAL)) === 0 &&
      ((events & POLLIN) === 0 || this.#outbound.forward(tun)) &&
      this.#fromPeers(2, 4, tun, sockets) &&
      this.#fromPeers(3, 6, tun, sockets)
    if (!isThere) this.detach()
  }

  #fromPeers(index: number, family: Family, tun: number, sockets: ReadonlyMap<Family, number>): boolean {
    const socket = sockets.get(family)
    return socket === undefined || this.#events(index) === 0 || this.#inbound[family].forward(tun, socket)
  }

  #openSockets(proxy: UdpProxyResource, before: Attached | undefined): ReadonlyMap<Family, number> {
    for (const fd of before?.sockets.values() ?? []) this.#libc.close(fd)
    const sockets = new Map<Family, number>()
    try {
      for (const address of proxy.addresses) {
        const { fd, family } = openSocket(this.#libc, address, proxy.port)
        sockets.set(family, fd)
      }
    } catch (error) {
      for (const fd of sockets.values()) this.#libc.close(fd)
      throw error
    }
    return sockets
  }

  #use(attached: Attached | undefined): void {
    this.#attached = attached
    this.#poll(1, attached?.tun)
    this.#poll(2, attached?.sockets.get(4))
    this.#poll(3, attached?.sockets.get(6))
    this.#outbound.attach(attached?.sockets ?? new Map(), attached?.proxy.mtu ?? 0)
    if (attached !== undefined) this.#answers.attach(attached.tun, attached.proxy)
  }

  /** The kernel skips negative ones. */
  #poll(index: number, fd: number | undefined): void {
    this.#polled.setInt32(index * POLLFD, fd ?? -1, true)
    this.#polled.setInt16(index * POLLFD + 4, POLLIN, true)
  }

  #events(index: number): number {
    return this.#polled.getInt16(index * POLLFD + 6, true)
  }
}
