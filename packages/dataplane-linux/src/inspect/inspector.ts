import type { AbortOptions } from '@selvedge/core'
import { withOverlayErrors } from '../kernel-error.js'
import { NetlinkConnection } from '../netlink/index.js'
import { readKernelView, type ViewedArea, type ViewedEntry } from './kernel-view.js'

/** Reads the kernel for people who look for what is wrong; changes nothing, and needs no rights. */
export interface LinuxInspector extends AsyncDisposable {
  /** Everything in an overlay's area, whoever wrote it. */
  view(area: ViewedArea, options?: AbortOptions): Promise<readonly ViewedEntry[]>
}

/**
 * @param options `namespace`: the network namespace, by path such as `/run/netns/blue`; the process's own by default
 * @throws OverlayError if netlink cannot be used
 */
export function inspectLinux({ namespace }: { readonly namespace?: string } = {}): LinuxInspector {
  let opened: NetlinkConnection | undefined
  const connection = (): NetlinkConnection => {
    opened ??= new NetlinkConnection({ namespace })
    return opened
  }
  return {
    view: (area, options = {}) => withOverlayErrors(() => readKernelView(connection(), area, options)),
    async [Symbol.asyncDispose]() {
      await opened?.[Symbol.asyncDispose]()
    },
  }
}
