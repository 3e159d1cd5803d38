/** `struct virtio_net_hdr` (include/uapi/linux/virtio_net.h), in front of each packet of a TUN device with IFF_VNET_HDR. */
export const OFFLOAD_HEADER = 10

const FLAGS = 0
const GSO_TYPE = 1
const HEADER_LENGTH = 2
const SEGMENT_SIZE = 4
const CHECKSUM_START = 6
const CHECKSUM_OFFSET = 8

const NEEDS_CHECKSUM = 1
const GSO_TCPV4 = 1
const GSO_TCPV6 = 4

/** What the kernel left for the reader of a packet to do. */
export interface Offload {
  /** Whether the packet is several in one. */
  readonly isLarge: boolean
  /** The payload of each of those, but the last, in bytes. */
  readonly segmentSize: number
  readonly needsChecksum: boolean
  /** Where the transport header begins, from the start of the packet. */
  readonly transport: number
  /** Where in that the checksum is. */
  readonly checksum: number
}

export const readOffload = (view: DataView, at: number): Offload => ({
  isLarge: view.getUint8(at + GSO_TYPE) !== 0,
  segmentSize: view.getUint16(at + SEGMENT_SIZE, true),
  needsChecksum: (view.getUint8(at + FLAGS) & NEEDS_CHECKSUM) !== 0,
  transport: view.getUint16(at + CHECKSUM_START, true),
  checksum: view.getUint16(at + CHECKSUM_OFFSET, true),
})

/** Of a packet that is several TCP segments in one, whose checksum is to be made complete. */
export function writeTcpOffload(
  view: DataView,
  at: number,
  family: 4 | 6,
  segment: {
    readonly headerLength: number
    readonly size: number
    readonly transport: number
    readonly checksum: number
  },
): void {
  view.setUint8(at + FLAGS, NEEDS_CHECKSUM)
  view.setUint8(at + GSO_TYPE, family === 4 ? GSO_TCPV4 : GSO_TCPV6)
  view.setUint16(at + HEADER_LENGTH, segment.headerLength, true)
  view.setUint16(at + SEGMENT_SIZE, segment.size, true)
  view.setUint16(at + CHECKSUM_START, segment.transport, true)
  view.setUint16(at + CHECKSUM_OFFSET, segment.checksum, true)
}
