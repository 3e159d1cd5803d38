import { release } from 'node:os'
import { type AbortOptions, OverlayError } from '@selvedge/core'
import { isDenied, isUnsupported } from './kernel-error.js'
import { type NetlinkConnection, NetlinkError, NLM_F_CREATE, NLM_F_EXCL } from './netlink/index.js'
import { readNexthop, writeGetNexthops, writeNewLink } from './rtnetlink/index.js'
import type { Sysctl } from './sysctl.js'

/** An index that no link has: the kernel counts from 1. */
const NO_LINK = 0x7fff_ffff
/** A name that no link can have (dev_valid_name), so that none is created, whatever the kernel answers. */
const IMPOSSIBLE_NAME = 'a/b'

/**
 * Finds out whether this process may write, by requesting a change of a link that cannot exist: the kernel checks
 * rights first. Rejects with EPERM if not.
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
 * Finds out whether the kernel knows a link type (and makes it load the module), by requesting a link of that type
 * with an impossible name. Rejects with `UNSUPPORTED` if not.
 */
export async function checkLinkType(
  connection: NetlinkConnection,
  type: string,
  options: AbortOptions,
): Promise<void> {
  try {
    await connection.request(
      `creating a ${type} link`,
      (writer, flags, sequence) =>
        writeNewLink(writer, flags | NLM_F_CREATE | NLM_F_EXCL, sequence, {
          name: IMPOSSIBLE_NAME,
          kind: type,
        }),
      () => undefined,
      options,
    )
  } catch (error) {
    if (!(error instanceof NetlinkError) || error.reason !== 'refused' || isDenied(error)) throw error
    // If the kernel complains about anything else, the name or missing settings, it knows the type.
    if (error.errno !== 'EOPNOTSUPP' || error.kernelText?.includes('creation via rtnetlink')) return
    throw new OverlayError(
      'UNSUPPORTED',
      `this kernel (${release()}) has no links of type ${type}: load its module (modprobe ${moduleOf(type)}), or use another ` +
        'kernel or another backend',
      { errno: error.errno, cause: error },
    )
  }
}

/** Modules are named after their type, but for this one. */
const moduleOf = (type: string): string => (type === 'ip6tnl' ? 'ip6_tunnel' : type)

/** Whether the kernel has nexthop objects (Linux 5.3). */
export async function hasNexthops(connection: NetlinkConnection, options: AbortOptions): Promise<boolean> {
  try {
    await connection.dump('reading nexthops', writeGetNexthops, readNexthop, options)
    return true
  } catch (error) {
    if (error instanceof NetlinkError && isUnsupported(error)) return false
    throw error
  }
}

/** From this version on, the limits of the neighbour tables do not count permanent entries (58956317c8de). */
const FIRST_UNLIMITED = 5

/** What works, but not well, and what to do about it. */
export function findWarnings(sysctl: Sysctl, kernelRelease: string = release()): string[] {
  const warnings: string[] = []
  if (!sysctl.isWritable) {
    warnings.push(
      '/proc/sys cannot be written, so accept_ra of our links stays as the kernel has it; mount it writable, or set ' +
        'net.ipv6.conf.default.accept_ra=0 on the host',
    )
  }
  if (Number.parseInt(kernelRelease, 10) < FIRST_UNLIMITED) {
    for (const family of [4, 6] as const) {
      const limit = sysctl.neighbourLimit(family)
      if (limit === undefined || limit > 8192) continue
      warnings.push(
        `Linux ${kernelRelease} counts permanent neighbours against net.ipv${family}.neigh.default.gc_thresh3, which ` +
          `is ${limit}: set it above the expected number of peers`,
      )
    }
  }
  return warnings
}
