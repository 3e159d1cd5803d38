import type { BackendLoader } from '@selvedge/core'
import { sendsPlain, TYPE, wireguardBackend } from '../wireguard.js'
import { chooseImplementation, type ImplementationName, type Location, readKeyFile } from './index.js'

export interface WireguardOptions extends Location {
  /** This node's private key, which is made if it is missing. Default: flannel's, `/run/flannel/wgkey`. */
  readonly keyFile?: string | undefined
  /** What must carry the packets. Default: the kernel's WireGuard if there is one, else wireguard-go. */
  readonly implementation?: ImplementationName | undefined
}

/**
 * The wireguard backend, compatible with flannel's: packets between hosts travel encrypted. When a network config names
 * it, it reads this node's key from a file, or makes one; see {@link readKeyFile} for how that may fail. Rejects with
 * `UNSUPPORTED`, naming what is missing, if neither the kernel has WireGuard nor there is a wireguard-go.
 */
export function wireguard({ keyFile, implementation, ...location }: WireguardOptions = {}): BackendLoader {
  return {
    type: TYPE,
    sendsPlain,
    async load(_context, { signal }) {
      const chosen = await chooseImplementation(implementation, location, signal)
      const keys = await readKeyFile({ path: keyFile, signal })
      return wireguardBackend(keys, { ...location, implementation: chosen })
    },
  }
}
