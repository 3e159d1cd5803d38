import { closeSync } from 'node:fs'
import {
  addressBits,
  baseAddress,
  containsAddress,
  type Family,
  familyOf,
  formatAddress,
  lastAddress,
  requireCidr,
} from '@selvedge/core/kit'
import { type IcmpError, MAX_ICMP_ERROR, writeIcmpError } from '../packet/icmp.js'
import { decrementTtl, destinationAt, familyOfPacket, mayNotFragment, sourceAt } from '../packet/ip.js'
import type { UdpProxyResource } from '../resource.js'
import type { ProxyCounters } from './counters.js'
import type { Libc } from './libc.js'
import { BATCH, MessageBatch, SLOT } from './message-batch.js'
import { PeerTable } from './peer-table.js'
import { ADDRESS_AT, openSocket, socketAddress } from './socket.js'
import { attachTun } from './tun.js'

/** include/uapi/asm-generic/errno.h */
const EINTR = 4
const EAGAIN = 11
const EBADF = 9
const EBADFD = 77
const EMSGSIZE = 90
const MSG_DONTWAIT = 0x40
/** include/uapi/asm-generic/poll.h */
const POLLIN = 1
const POLLERR = 8
const POLLHUP = 16
const POLLNVAL = 32
const POLLFD = 8

/** A thread that is to end cannot be interrupted in a call: it returns from this one after so long. */
const MAX_WAIT_MS = 500

/** Of ICMP errors in a second, to whom it may concern: as many as Linux allows itself (net.ipv4.icmp_msgs_per_sec). */
const MAX_ERRORS_A_SECOND = 1_000

interface Attached {
  readonly proxy: UdpProxyResource
  readonly tun: number
  readonly sockets: ReadonlyMap<Family, number>
  /** Of each family, in bytes. */
  readonly errorSources: ReadonlyMap<Family, Uint8Array>
}

/**
 * Packets from the TUN device to peers, and from peers to the device. Each `turn` waits until there is something to do,
 * and does some of it.
 */
export class Forwarder {
  readonly peers = new PeerTable()
  readonly #libc: Libc
  readonly #counters: ProxyCounters
  readonly #sending: Readonly<Record<Family, MessageBatch>>
  readonly #receiving: Readonly<Record<Family, MessageBatch>>
  readonly #queued: Record<Family, number> = { 4: 0, 6: 0 }
  readonly #polled: DataView
  readonly #polledAt: number
  readonly #error = Buffer.allocUnsafeSlow(MAX_ICMP_ERROR[6])
  readonly #errorView = new DataView(this.#error.buffer, this.#error.byteOffset, this.#error.byteLength)
  readonly #errorAt: number
  #errors = { second: 0, count: 0 }
  #attached: Attached | undefined

  /** @param wake a file descriptor; `turn` returns when it can be read */
  constructor(libc: Libc, counters: ProxyCounters, wake: number) {
    this.#libc = libc
    this.#counters = counters
    this.#sending = { 4: new MessageBatch(libc, 4), 6: new MessageBatch(libc, 6) }
    this.#receiving = { 4: new MessageBatch(libc, 4), 6: new MessageBatch(libc, 6) }
    const polled = Buffer.allocUnsafeSlow(4 * POLLFD).fill(0)
    this.#polled = new DataView(polled.buffer, polled.byteOffset, polled.byteLength)
    this.#polledAt = libc.addressOf(polled)
    this.#errorAt = libc.addressOf(this.#error)
    this.#poll(0, wake)
    this.#pollAttached()
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
      const sockets = keeps ? before.sockets : this.#openSockets(proxy, before)
      this.#attached = { proxy, tun, sockets, errorSources: errorSources(proxy) }
    } catch (error) {
      this.#attached = undefined
      closeSync(tun)
      throw error
    } finally {
      this.#pollAttached()
    }
  }

  detach(): void {
    const attached = this.#attached
    if (attached === undefined) return
    this.#attached = undefined
    this.#pollAttached()
    closeSync(attached.tun)
    for (const fd of attached.sockets.values()) this.#libc.close(fd)
  }

  /** Waits for packets, for `wake`, or for a moment, and forwards up to a batch of packets each way. */
  turn(): void {
    if (this.#libc.poll(this.#polledAt, 4, MAX_WAIT_MS) <= 0) return
    const attached = this.#attached
    if (attached === undefined) return
    const tun = this.#events(1)
    if ((tun & (POLLERR | POLLHUP | POLLNVAL)) !== 0) {
      this.detach()
      return
    }
    if ((tun & POLLIN) !== 0) this.#fromDevice(attached)
    if (this.#events(2) !== 0) this.#fromPeers(attached, 4)
    if (this.#events(3) !== 0) this.#fromPeers(attached, 6)
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

  #fromDevice(attached: Attached): void {
    const { tun } = attached
    const batch = this.#sending[4]
    for (let packets = 0; packets < BATCH; packets += 1) {
      // A packet of IPv6 is moved to the batch of its own family.
      const slot = this.#queued[4]
      const length = this.#libc.read(tun, batch.payload + slot * SLOT, SLOT)
      if (length <= 0) {
        const errno = this.#libc.errno()
        if (errno === EBADFD || errno === EBADF) {
          this.detach()
          return
        }
        if (errno === EAGAIN || length === 0) break
        continue
      }
      this.#toPeer(attached, slot, length)
    }
    this.#flush(attached, 4)
    this.#flush(attached, 6)
  }

  /** Queues the packet in a slot of IPv4's batch for its peer, or answers it. */
  #toPeer(attached: Attached, slot: number, length: number): void {
    const { view, bytes } = this.#sending[4]
    const offset = slot * SLOT
    const family = familyOfPacket(view, offset, length)
    if (family === undefined || !attached.sockets.has(family)) return
    const to = destinationAt(family, offset)
    const route = this.peers.routeTo(family, view, to)
    if (route === undefined) {
      if (isForLink(family, view, to)) return
      this.#counters.add('noRoute', 1)
      this.#answer(attached, { view, offset, length, family }, 'no route')
      return
    }
    if (length > attached.proxy.mtu && mayNotFragment(view, family, offset)) {
      this.#counters.add('tooBig', 1)
      this.#answer(attached, { view, offset, length, family }, 'too big')
      return
    }
    if (!decrementTtl(view, family, offset)) {
      this.#counters.add('ttlExceeded', 1)
      this.#answer(attached, { view, offset, length, family }, 'ttl exceeded')
      return
    }
    const own = this.#sending[family]
    const at = this.#queued[family]
    if (family === 6) own.bytes.set(bytes.subarray(offset, offset + length), at * SLOT)
    own.address(at, route.name, length)
    this.#queued[family] = at + 1
  }

  #flush(attached: Attached, family: Family): void {
    const count = this.#queued[family]
    const fd = attached.sockets.get(family)
    this.#queued[family] = 0
    if (fd === undefined) return
    const batch = this.#sending[family]
    let at = 0
    let bytes = 0
    let failed = 0
    while (at < count) {
      const sent = this.#libc.sendmmsg(fd, batch.headerOf(at), count - at, 0)
      if (sent > 0) {
        for (let slot = at; slot < at + sent; slot += 1) bytes += batch.lengthToSend(slot)
        at += sent
        continue
      }
      const errno = this.#libc.errno()
      if (errno === EINTR) continue
      const packet = { view: batch.view, offset: at * SLOT, length: batch.lengthToSend(at), family }
      failed += 1
      at += 1
      if (errno !== EMSGSIZE) this.#counters.add('sendFailed', 1)
      else {
        this.#counters.add('tooBig', 1)
        this.#answer(attached, packet, 'too big')
      }
    }
    this.#counters.add('sentPackets', count - failed)
    this.#counters.add('sentBytes', bytes)
  }

  #fromPeers(attached: Attached, family: Family): void {
    const fd = attached.sockets.get(family)
    if (fd === undefined) return
    const batch = this.#receiving[family]
    const count = this.#libc.recvmmsg(fd, batch.headerOf(0), BATCH, MSG_DONTWAIT, 0)
    let packets = 0
    let bytes = 0
    for (let slot = 0; slot < count; slot += 1) {
      const length = batch.received(slot)
      if (!this.#mayEnter(batch, family, slot, length)) continue
      if (this.#libc.write(attached.tun, batch.payload + slot * SLOT, length) !== length) {
        const errno = this.#libc.errno()
        if (errno === EBADFD || errno === EBADF) {
          this.detach()
          return
        }
        this.#counters.add('sendFailed', 1)
        continue
      }
      packets += 1
      bytes += length
    }
    this.#counters.add('receivedPackets', packets)
    this.#counters.add('receivedBytes', bytes)
  }

  #mayEnter(batch: MessageBatch, family: Family, slot: number, length: number | undefined): length is number {
    const { view, names, nameLength } = batch
    const sender = this.peers.senderAt(family, names, slot * nameLength + ADDRESS_AT[family])
    if (sender === undefined) return this.#drop('unknownSource')
    const offset = slot * SLOT
    if (length === undefined || familyOfPacket(view, offset, length) !== family)
      return this.#drop('malformed')
    if (!this.peers.maySend(sender, family, view, sourceAt(family, offset)))
      return this.#drop('foreignSource')
    if (!this.peers.isOwn(family, view, destinationAt(family, offset)))
      return this.#drop('foreignDestination')
    return true
  }

  #drop(why: 'unknownSource' | 'malformed' | 'foreignSource' | 'foreignDestination'): false {
    this.#counters.add(why, 1)
    return false
  }

  /** Sends an ICMP error back into the device. */
  #answer(
    { tun, proxy, errorSources: sources }: Attached,
    packet: {
      readonly view: DataView
      readonly offset: number
      readonly length: number
      readonly family: Family
    },
    error: IcmpError,
  ): void {
    const source = sources.get(packet.family)
    if (source === undefined || !this.#mayAnswerNow()) return
    const length = writeIcmpError(packet, error, source, this.#errorView, proxy.mtu)
    if (length > 0) this.#libc.write(tun, this.#errorAt, length)
  }

  #mayAnswerNow(): boolean {
    const second = Math.floor(performance.now() / 1000)
    if (second !== this.#errors.second) this.#errors = { second, count: 0 }
    this.#errors.count += 1
    return this.#errors.count <= MAX_ERRORS_A_SECOND
  }

  #pollAttached(): void {
    this.#poll(1, this.#attached?.tun)
    this.#poll(2, this.#attached?.sockets.get(4))
    this.#poll(3, this.#attached?.sockets.get(6))
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

/** Link-local and multicast: what Linux sends over any link of its own accord, and no route is missed for. */
const isForLink = (family: Family, view: DataView, at: number): boolean =>
  family === 4
    ? view.getUint8(at) >= 224
    : view.getUint8(at) === 0xff || (view.getUint16(at) & 0xffc0) === 0xfe80

/**
 * Where ICMP errors come from. Linux takes no IPv4 packet with an address of its own host from a device, nor, with
 * rp_filter, one that it would not send that way: so it is an address of the network that is not in this node's subnet.
 */
function errorSources({ subnets, networks }: UdpProxyResource): ReadonlyMap<Family, Uint8Array> {
  return new Map(
    subnets.map((subnet, index) => {
      const family = familyOf(subnet)
      const network = requireCidr(networks[index] ?? subnet)
      const isFirst = containsAddress(subnet, formatAddress({ family, value: network.base }))
      const outside = formatAddress({ family, value: isFirst ? lastAddress(network) : network.base })
      const name = socketAddress(family === 4 ? outside : baseAddress(subnet), 0)
      return [family, name.subarray(ADDRESS_AT[family], ADDRESS_AT[family] + addressBits(family) / 8)]
    }),
  )
}
