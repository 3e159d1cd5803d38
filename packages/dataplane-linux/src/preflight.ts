import { release } from 'node:os'
import { type AbortOptions, isOverlayError, OverlayError } from '@selvedge/core'
import {
  type NetlinkConnection,
  NLM_F_CREATE,
  NLM_F_EXCL,
  readNexthop,
  writeGetNexthops,
  writeNewLink,
} from './netlink/index.js'
import type { Sysctl } from './sysctl.js'

/** An index that no link has: the kernel counts up from 1. */
const NO_LINK = 0x7fff_ffff
/** A name that no link can have (dev_valid_name), so that nothing is made whatever the kernel thinks of the rest. */
const IMPOSSIBLE_NAME = 'a/b'

/**
 * Finds out whether this process may write, by asking for a change to a link that cannot be there: the kernel looks
 * at rights first. Rejects with `ACCESS_DENIED`.
 */
export async function checkRights(connection: NetlinkConnection, options: AbortOptions): Promise<void> {
  await connection.request(
    'changing links, addresses and routes',
    (writer, flags, sequence) => writeNewLink(writer, flags, sequence, { index: NO_LINK }),
    () => undefined,
    { ...options, absence: ['ENODEV'] },
  )
}

/**
 * Finds out whether the kernel knows a type of links (and has it load the module), by asking for one under a name
 * that cannot be. Rejects with `UNSUPPORTED`.
 */
export async function checkLinkType(
  connection: NetlinkConnection,
  type: string,
  options: AbortOptions,
): Promise<void> {
  try {
    await connection.request(
      `making a ${type} link`,
      (writer, flags, sequence) =>
        writeNewLink(writer, flags | NLM_F_CREATE | NLM_F_EXCL, sequence, {
          name: IMPOSSIBLE_NAME,
          kind: type,
        }),
      () => undefined,
      options,
    )
  } catch (error) {
    if (!isOverlayError(error) || error.errno === undefined) throw error
    if (error.code === 'ACCESS_DENIED') throw error
    // It knows the type where it complains of anything else: of the name, or of settings that are missing.
    if (error.errno !== 'EOPNOTSUPP' || error.message.includes('creation via rtnetlink')) return
    throw new OverlayError(
      'UNSUPPORTED',
      `this kernel (${release()}) has no links of type ${type}: load its module (modprobe ${type}), or use a kernel ` +
        `or a backend that fits`,
      { errno: error.errno, cause: error },
    )
  }
}

/** Whether the kernel has nexthop objects (Linux 5.3). */
export async function hasNexthops(connection: NetlinkConnection, options: AbortOptions): Promise<boolean> {
  try {
    await connection.dump('reading nexthops', writeGetNexthops, readNexthop, options)
    return true
  } catch (error) {
    if (isOverlayError(error, 'UNSUPPORTED')) return false
    throw error
  }
}

/** From here on the kernel's limits of its neighbour tables leave permanent entries out (58956317c8de). */
const UNLIMITED_PERMANENT = 5

/** What works, but not well. */
export function findWarnings(sysctl: Sysctl, kernelRelease: string = release()): string[] {
  const warnings: string[] = []
  if (!sysctl.isWritable) {
    warnings.push(
      '/proc/sys is read-only here, so accept_ra of our links stays as the kernel has it; mount it writable, or set ' +
        'net.ipv6.conf.default.accept_ra=0 on the host',
    )
  }
  if (Number.parseInt(kernelRelease, 10) < UNLIMITED_PERMANENT) {
    for (const family of [4, 6] as const) {
      const limit = sysctl.neighbourLimit(family)
      if (limit === undefined || limit > 8192) continue
      warnings.push(
        `Linux ${kernelRelease} counts permanent neighbours against net.ipv${family}.neigh.default.gc_thresh3, which ` +
          `is ${limit}: set it to more than there will be peers`,
      )
    }
  }
  return warnings
}
