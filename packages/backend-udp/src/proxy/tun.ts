import { closeSync, constants, openSync } from 'node:fs'
import type { Libc } from './libc.js'
import { SystemError } from './system-error.js'

/** include/uapi/linux/if_tun.h */
const TUNSETIFF = 0x400454ca
const TUNGETIFF = 0x800454d2
const TUNSETOFFLOAD = 0x400454d0
const IFF_TUN = 0x0001
const IFF_NO_PI = 0x1000
const IFF_VNET_HDR = 0x4000
const IFF_PERSIST = 0x0800
/** TUN_F_CSUM, TUN_F_TSO4 and TUN_F_TSO6; then TUN_F_USO4 and TUN_F_USO6, of Linux 6.2. */
const TCP_OFFLOADS = 0x01 | 0x02 | 0x04
const UDP_OFFLOADS = 0x20 | 0x40
/** include/uapi/linux/if.h */
const IFNAMSIZ = 16
const IFREQ_LENGTH = 40

const EBUSY = 16
const ENODEV = 19

const TUN = '/dev/net/tun'

/**
 * Attaches to a TUN device that is there, in the network namespace of this thread. It then delivers, and takes, packets of
 * up to 64 KiB that are several in one, and packets without a checksum: see `packet/offload.ts`.
 *
 * @returns a file descriptor that reads and writes whole packets, each behind an offload header, without blocking
 */
export function attachTun(libc: Libc, device: string): number {
  const fd = openTun()
  try {
    const request = Buffer.alloc(IFREQ_LENGTH)
    request.write(device, 0, IFNAMSIZ - 1, 'latin1')
    request.writeUInt16LE(IFF_TUN | IFF_NO_PI | IFF_VNET_HDR, IFNAMSIZ)
    if (libc.ioctl(fd, TUNSETIFF, request) !== 0) {
      const errno = libc.errno()
      const explanation =
        errno === EBUSY ? 'another process has it; end that one (flanneld?), or delete the device' : undefined
      throw new SystemError(`attaching to ${device}`, errno, explanation)
    }
    // Where there was none, one is made that ends with this descriptor: it has neither address nor MTU.
    const made = Buffer.alloc(IFREQ_LENGTH)
    if (libc.ioctl(fd, TUNGETIFF, made) !== 0 || (made.readUInt16LE(IFNAMSIZ) & IFF_PERSIST) === 0) {
      throw new SystemError(`attaching to ${device}`, ENODEV)
    }
    const offloads = [TCP_OFFLOADS | UDP_OFFLOADS, TCP_OFFLOADS, 0]
    // What whoever had the device before has set stays.
    offloads.some((value) => libc.ioctlValue(fd, TUNSETOFFLOAD, value) === 0)
    return fd
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

/** Leaves the device to whoever attaches next, who may expect plain packets. */
export function detachTun(libc: Libc, fd: number): void {
  libc.ioctlValue(fd, TUNSETOFFLOAD, 0)
  closeSync(fd)
}

function openTun(): number {
  try {
    return openSync(TUN, constants.O_RDWR | constants.O_NONBLOCK)
  } catch (error) {
    const errno = error instanceof Error && 'errno' in error ? Number(error.errno) : 0
    throw new SystemError(`opening ${TUN}`, -errno)
  }
}
