import type { Family } from '@selvedge/core/kit'
import { destinationAt, familyOfPacket, sourceAt } from '../packet/ip.js'
import type { ProxyCounters } from './counters.js'
import { isDetached } from './errno.js'
import type { Libc } from './libc.js'
import type { PeerTable, Sender } from './peer-table.js'
import { ReceiveBatch } from './receive-batch.js'
import { ADDRESS_AT } from './socket.js'
import { TunWriter } from './tun-writer.js'

/** Packets of one family from peers to a TUN device. */
export class Inbound {
  readonly #counters: ProxyCounters
  readonly #peers: PeerTable
  readonly #family: Family
  readonly #batch: ReceiveBatch
  readonly #writer: TunWriter

  constructor(libc: Libc, counters: ProxyCounters, peers: PeerTable, family: Family) {
    this.#counters = counters
    this.#peers = peers
    this.#family = family
    this.#batch = new ReceiveBatch(libc, family)
    this.#writer = new TunWriter(libc, this.#batch.view, this.#batch.address)
  }

  /** Writes what has been received to the device, up to a batch. @returns false if the device is gone */
  forward(tun: number, socket: number): boolean {
    const count = this.#batch.receive(socket)
    for (let slot = 0; slot < count; slot += 1) this.#take(tun, slot)
    this.#writer.flush()
    const { packets, bytes, failed, errno } = this.#writer.takeResult()
    this.#counters.add('receivedPackets', packets)
    this.#counters.add('receivedBytes', bytes)
    if (isDetached(errno)) return false
    this.#counters.add('sendFailed', failed)
    return true
  }

  /** A message is a datagram, or several from one sender that the kernel has joined. */
  #take(tun: number, slot: number): void {
    const { names, nameLength, view } = this.#batch
    const length = this.#batch.received(slot)
    const datagram = this.#batch.datagramLength(slot) || (length ?? 0)
    const sender = this.#peers.senderAt(this.#family, names, slot * nameLength + ADDRESS_AT[this.#family])
    if (sender === undefined) {
      this.#counters.add('unknownSource', datagram === 0 ? 1 : Math.ceil((length ?? 0) / datagram))
      return
    }
    if (length === undefined || length === 0) {
      this.#counters.add('malformed', 1)
      return
    }
    const start = this.#batch.payloadAt(slot)
    for (let at = start; at < start + length; at += datagram) {
      const size = Math.min(datagram, start + length - at)
      if (this.#mayEnter(sender, view, at, size)) this.#writer.put(tun, at, size, this.#family)
    }
  }

  #mayEnter(sender: Sender, view: DataView, offset: number, length: number): boolean {
    const family = this.#family
    if (familyOfPacket(view, offset, length) !== family) return this.#drop('malformed')
    if (!this.#peers.maySend(sender, family, view, sourceAt(family, offset)))
      return this.#drop('foreignSource')
    if (!this.#peers.isOwn(family, view, destinationAt(family, offset)))
      return this.#drop('foreignDestination')
    return true
  }

  #drop(why: 'malformed' | 'foreignSource' | 'foreignDestination'): false {
    this.#counters.add(why, 1)
    return false
  }
}
