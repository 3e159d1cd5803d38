import { accessSync, closeSync, constants, openSync } from 'node:fs'
import { OverlayError } from '@selvedge/core'
import type { LinkSettings } from '@selvedge/core/kit'
import { type AttributeReader, errnoName, loadLibc, NetlinkError } from '../netlink/index.js'
import { type LinkType, textSetting } from './link-type.js'

/** IFLA_TUN_TYPE, include/uapi/linux/if_link.h, and what it holds: include/uapi/linux/if_tun.h */
const IFLA_TUN_TYPE = 3
const IFF_TUN = 0x0001
const IFF_TAP = 0x0002
const IFF_NO_PI = 0x1000
const IFF_TUN_EXCL = 0x8000
const TUNSETIFF = 0x400454ca
const TUNSETPERSIST = 0x400454cb
/** include/uapi/linux/if.h */
const IFNAMSIZ = 16
const IFREQ_LENGTH = 40

const DEVICE = '/dev/net/tun'

/**
 * TUN and TAP links (drivers/net/tun.c): a process reads what is sent over them. One setting, `mode`: `tun` or `tap`.
 *
 * Those that the driver makes are persistent: they outlive any process, and whoever wants their packets attaches to them.
 * The kernel makes none over netlink, but by an ioctl of /dev/net/tun.
 */
export const tun: LinkType = {
  name: 'tun',
  changeable: [],
  // Nothing can be set over netlink.
  encode: () => {},
  decode,
  create,
  preflight: (lookOnly) => (lookOnly ? requireDevice() : closeSync(openDevice())),
}

function decode(attributes: AttributeReader): LinkSettings {
  let mode: string | undefined
  while (attributes.next()) {
    if (attributes.type === IFLA_TUN_TYPE) mode = attributes.u8() === IFF_TAP ? 'tap' : 'tun'
  }
  return { mode }
}

function create(name: string, settings: LinkSettings): void {
  const libc = loadLibc()
  const fd = openDevice()
  try {
    const request = Buffer.alloc(IFREQ_LENGTH)
    request.write(name, 0, IFNAMSIZ - 1, 'latin1')
    const mode = textSetting(settings, 'mode') === 'tap' ? IFF_TAP : IFF_TUN
    request.writeUInt16LE(mode | IFF_NO_PI | IFF_TUN_EXCL, IFNAMSIZ)
    const fails = libc.ioctl(fd, TUNSETIFF, request) !== 0 || libc.ioctlValue(fd, TUNSETPERSIST, 1) !== 0
    if (!fails) return
    throw new NetlinkError({
      reason: 'refused',
      operation: `creating tun link ${name}`,
      errno: errnoName(libc.errno()),
    })
  } finally {
    closeSync(fd)
  }
}

/** In the network namespace of this thread, which is where its links are. */
function openDevice(): number {
  return attempt(() => openSync(DEVICE, constants.O_RDWR))
}

/** Whether the file is there and its mode lets it be opened. A container may deny that all the same. */
function requireDevice(): void {
  attempt(() => accessSync(DEVICE, constants.R_OK | constants.W_OK))
}

function attempt<T>(use: () => T): T {
  try {
    return use()
  } catch (error) {
    const errno = error instanceof Error && 'code' in error ? String(error.code) : 'EIO'
    throw errno === 'EPERM' || errno === 'EACCES' ? denied(errno, error) : missing(errno, error)
  }
}

/** What gives a container the device. */
const REMEDIES =
  'a container needs it mounted (docker --device /dev/net/tun; on Kubernetes a hostPath volume of type CharDevice) and ' +
  'CAP_NET_ADMIN, or to be privileged'

const missing = (errno: string, cause: unknown): OverlayError =>
  new OverlayError(
    'UNSUPPORTED',
    `opening ${DEVICE}: ${errno}. Load its module on the host (modprobe tun); ${REMEDIES}`,
    { errno, cause },
  )

const denied = (errno: string, cause: unknown): OverlayError =>
  new OverlayError(
    'ACCESS_DENIED',
    `opening ${DEVICE}: ${errno}. This process may not use the device: ${REMEDIES}`,
    { errno, cause },
  )
