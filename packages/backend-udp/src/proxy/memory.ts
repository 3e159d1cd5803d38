/*
 * Structures of the C library in memory that does not move, with 64-bit pointers (include/linux/socket.h,
 * include/uapi/linux/uio.h).
 */

/** `struct mmsghdr`, and offsets in it. */
export const MMSGHDR = 64
export const NAME_AT = 0
export const NAME_LENGTH_AT = 8
export const VECTORS_AT = 16
export const VECTOR_COUNT_AT = 24
export const CONTROL_AT = 32
export const CONTROL_LENGTH_AT = 40
export const FLAGS_AT = 48
export const LENGTH_AT = 56

/** `struct iovec`. */
export const IOVEC = 16

/** `struct cmsghdr`: its length, its level and its type, and where the data begins. */
export const CONTROL_LEVEL_AT = 8
export const CONTROL_TYPE_AT = 12
export const CONTROL_DATA_AT = 16
/** Room for one with a small number. */
export const CONTROL_ROOM = 24

/** include/uapi/linux/udp.h */
export const SOL_UDP = 17
export const UDP_SEGMENT = 103
export const UDP_GRO = 104

export const memory = (bytes: number): Buffer => Buffer.allocUnsafeSlow(bytes).fill(0)

export const viewOf = ({ buffer, byteOffset, byteLength }: Buffer): DataView =>
  new DataView(buffer, byteOffset, byteLength)

/** Writes a pointer, or a length, of 64 bits; a BigInt would be made anew each time. */
export function setPointer(view: DataView, at: number, value: number): void {
  view.setUint32(at, value >>> 0, true)
  view.setUint32(at + 4, Math.floor(value / 0x1_0000_0000), true)
}

export function setVector(view: DataView, index: number, address: number, length: number): void {
  setPointer(view, index * IOVEC, address)
  setPointer(view, index * IOVEC + 8, length)
}
