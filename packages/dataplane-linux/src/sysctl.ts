import { closeSync, existsSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { OverlayError } from '@selvedge/core'
import { inNamespace } from './netlink/index.js'

/** Settings under /proc/sys/net, which shows the network namespace of the thread that opens a file there. */
export class Sysctl {
  readonly #namespace: string | undefined

  /** @param namespace by path; this thread's own if undefined */
  constructor(namespace: string | undefined) {
    this.#namespace = namespace
  }

  /**
   * Whether each of the links accepts router advertisements. A link without IPv6 accepts none. If the setting cannot be
   * written (a container with /proc/sys mounted read-only), the result is false, so that no write is attempted.
   */
  acceptRouterAdvertisements(links: readonly string[]): ReadonlyMap<string, boolean> {
    if (links.length === 0) return new Map()
    return inNamespace(this.#namespace, () => {
      const accepting = new Map<string, boolean>()
      for (const link of links) {
        const path = acceptRaPath(link)
        accepting.set(link, isWritable(path) && readFileSync(path, 'utf8').trim() !== '0')
      }
      return accepting
    })
  }

  setAcceptRouterAdvertisements(link: string, accept: boolean): void {
    inNamespace(this.#namespace, () => {
      const path = acceptRaPath(link)
      if (!isWritable(path)) return
      try {
        writeFileSync(path, accept ? '1' : '0')
      } catch (error) {
        throw OverlayError.from(error, 'DRIVER_REFUSED', `setting ${path}`)
      }
    })
  }

  /** False if /proc/sys/net exists for IPv6 but cannot be written. */
  get isWritable(): boolean {
    return inNamespace(this.#namespace, () => {
      const path = acceptRaPath('all')
      return !exists(path) || isWritable(path)
    })
  }

  /** `net.<family>.neigh.default.gc_thresh3`: the size of the neighbour table, or undefined if it is not shown. */
  neighbourLimit(family: 4 | 6): number | undefined {
    return inNamespace(this.#namespace, () => {
      const path = `/proc/sys/net/ipv${family}/neigh/default/gc_thresh3`
      return exists(path) ? Number(readFileSync(path, 'utf8')) : undefined
    })
  }
}

const acceptRaPath = (link: string): string => `/proc/sys/net/ipv6/conf/${link}/accept_ra`

const exists = existsSync

/**
 * Tried by opening, which changes nothing: access(2) ignores CAP_NET_ADMIN of a process that is not root, to which the
 * kernel grants root's rights on these files (net/sysctl_net.c, net_ctl_permissions).
 */
function isWritable(path: string): boolean {
  try {
    closeSync(openSync(path, 'r+'))
    return true
  } catch {
    return false
  }
}
