import { accessSync, constants, readFileSync, writeFileSync } from 'node:fs'
import { OverlayError } from '@selvedge/core'
import { inNamespace } from './netlink/index.js'

/**
 * Settings under /proc/sys/net, which shows those of the network namespace of the thread that opens a file there.
 */
export class Sysctl {
  readonly #namespace: string | undefined

  /** @param namespace by path; this thread's own where undefined */
  constructor(namespace: string | undefined) {
    this.#namespace = namespace
  }

  /**
   * Whether each of the links accepts router advertisements. A link without IPv6 accepts none; and where the setting
   * cannot be written (a container with /proc/sys mounted read-only), none is told, so that nobody tries in vain.
   */
  acceptRouterAdvertisements(links: readonly string[]): ReadonlyMap<string, boolean> {
    if (links.length === 0) return new Map()
    return inNamespace(this.#namespace, () => {
      const answers = new Map<string, boolean>()
      for (const link of links) {
        const path = acceptRaPath(link)
        answers.set(link, isWritable(path) && readFileSync(path, 'utf8').trim() !== '0')
      }
      return answers
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

  /** False where /proc/sys/net is there for IPv6 but is mounted read-only. */
  get isWritable(): boolean {
    return inNamespace(this.#namespace, () => {
      const path = acceptRaPath('all')
      return !exists(path) || isWritable(path)
    })
  }

  /** `net.<family>.neigh.default.gc_thresh3`: the size of the neighbour table, or undefined where it is not shown. */
  neighbourLimit(family: 4 | 6): number | undefined {
    return inNamespace(this.#namespace, () => {
      const path = `/proc/sys/net/ipv${family}/neigh/default/gc_thresh3`
      return exists(path) ? Number(readFileSync(path, 'utf8')) : undefined
    })
  }
}

const acceptRaPath = (link: string): string => `/proc/sys/net/ipv6/conf/${link}/accept_ra`

const exists = (path: string): boolean => isAccessible(path, constants.F_OK)
const isWritable = (path: string): boolean => isAccessible(path, constants.W_OK)

function isAccessible(path: string, mode: number): boolean {
  try {
    accessSync(path, mode)
    return true
  } catch {
    return false
  }
}
