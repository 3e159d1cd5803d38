import type { Family } from '@selvedge/core/kit'
import type { IcmpError } from '../packet/icmp.js'
import { decrementTtl, destinationAt, familyOfPacket, mayNotFragment } from '../packet/ip.js'
import { OFFLOAD_HEADER, type Offload, readOffload } from '../packet/offload.js'
import {
  completeChecksum,
  type LargePacket,
  largePacket,
  payloadLength,
  payloadStart,
  writeSegmentHeader,
} from '../packet/segments.js'
import type { ProxyCounters } from './counters.js'
import { EAGAIN, isDetached } from './errno.js'
import type { IcmpAnswers } from './icmp-answers.js'
import type { Libc } from './libc.js'
import { viewOf } from './memory.js'
import type { PeerRoute, PeerTable } from './peer-table.js'
import { HEADER_ROOM, Sender } from './sender.js'

/** Of packets that are read before they are sent, and of their bytes: more would only wait. */
const READS = 64
const READ_BYTES = 256 * 1024
/** Room for an offload header and the largest packet. */
const SLOT = 65_552

/** Packets from a TUN device to peers. */
export class Outbound {
  readonly #libc: Libc
  readonly #counters: ProxyCounters
  readonly #peers: PeerTable
  readonly #answers: IcmpAnswers
  readonly #view: DataView
  readonly #address: number
  readonly #senders: Readonly<Record<Family, Sender>>
  #mtu = 0

  constructor(libc: Libc, counters: ProxyCounters, peers: PeerTable, answers: IcmpAnswers) {
    this.#libc = libc
    this.#counters = counters
    this.#peers = peers
    this.#answers = answers
    const slots = Buffer.allocUnsafeSlow(READS * SLOT)
    this.#view = viewOf(slots)
    this.#address = libc.addressOf(slots)
    const senderOf = (family: Family) =>
      new Sender(libc, family, counters, (offset, length) => this.#answer(offset, length, family, 'too big'))
    this.#senders = { 4: senderOf(4), 6: senderOf(6) }
  }

  attach(sockets: ReadonlyMap<Family, number>, mtu: number): void {
    this.#senders[4].fd = sockets.get(4)
    this.#senders[6].fd = sockets.get(6)
    this.#mtu = mtu
  }

  /** Sends what has been sent to the device, up to a batch. @returns false if the device is gone */
  forward(tun: number): boolean {
    let isThere = true
    let bytes = 0
    for (let slot = 0; slot < READS && bytes < READ_BYTES; slot += 1) {
      const length = this.#libc.read(tun, this.#address + slot * SLOT, SLOT)
      if (length > OFFLOAD_HEADER) {
        bytes += length
        this.#take(slot * SLOT, length - OFFLOAD_HEADER)
        continue
      }
      const errno = length < 0 ? this.#libc.errno() : EAGAIN
      isThere = !isDetached(errno)
      if (!isThere || errno === EAGAIN) break
    }
    this.#senders[4].flush()
    this.#senders[6].flush()
    return isThere
  }

  /** Queues the packet behind an offload header for its peer, or answers it. */
  #take(at: number, length: number): void {
    const view = this.#view
    const offset = at + OFFLOAD_HEADER
    const family = familyOfPacket(view, offset, length)
    if (family === undefined || this.#senders[family].fd === undefined) return
    const offload = readOffload(view, at)
    const to = destinationAt(family, offset)
    const route = this.#peers.routeTo(family, view, to)
    if (route === undefined) {
      if (isForLink(family, view, to)) return
      this.#refuse(offset, length, family, 'noRoute')
      return
    }
    const large = offload.isLarge ? largePacket(view, offset, length, family, offload) : undefined
    if (offload.isLarge && (large === undefined || large.headerLength > HEADER_ROOM)) {
      this.#counters.add('malformed', 1)
      return
    }
    const largest = large === undefined ? length : large.headerLength + large.size
    if (largest > this.#mtu && mayNotFragment(view, family, offset)) {
      this.#refuse(offset, length, family, 'tooBig')
      return
    }
    if (!decrementTtl(view, family, offset)) {
      this.#refuse(offset, length, family, 'ttlExceeded')
      return
    }
    if (large === undefined) this.#queue(route, family, offset, length, offload)
    else this.#queueSegments(route, large)
  }

  #queue(route: PeerRoute, family: Family, offset: number, length: number, offload: Offload): void {
    if (offload.needsChecksum && !completeChecksum(this.#view, offset, length, offload)) {
      this.#counters.add('malformed', 1)
      return
    }
    this.#senders[family].addWhole(route, offset, this.#address + offset, length)
  }

  #queueSegments(route: PeerRoute, packet: LargePacket): void {
    const { offset, length, headerLength, family, count } = packet
    const sender = this.#senders[family]
    for (let index = 0; index < count; index += 1) {
      writeSegmentHeader(packet, index, sender.headers, sender.nextHeader())
      const payload = this.#address + offset + payloadStart(packet, index)
      sender.addSegment(route, offset, length, headerLength, payload, payloadLength(packet, index))
    }
  }

  #refuse(offset: number, length: number, family: Family, why: 'noRoute' | 'tooBig' | 'ttlExceeded'): void {
    this.#counters.add(why, 1)
    this.#answer(offset, length, family, ICMP_ERRORS[why])
  }

  #answer(offset: number, length: number, family: Family, error: IcmpError): void {
    this.#answers.answer({ view: this.#view, offset, length, family }, error)
  }
}

const ICMP_ERRORS = { noRoute: 'no route', tooBig: 'too big', ttlExceeded: 'ttl exceeded' } as const

/** Link-local and multicast: what Linux sends over any link of its own accord, and no route is missed for. */
const isForLink = (family: Family, view: DataView, at: number): boolean =>
  family === 4
    ? view.getUint8(at) >= 224
    : view.getUint8(at) === 0xff || (view.getUint16(at) & 0xffc0) === 0xfe80
