import type { Backend, BackendLoader } from '@selvedge/core'
import { checkOptions, oneOf, path, text } from '@selvedge/core/kit'
import { sendsPlain, TYPE, wireguardBackend } from '../wireguard.js'
import {
  chooseImplementation,
  DEFAULT_KEY_FILE,
  findKeyFile,
  type ImplementationName,
  isPeer,
  type KeyPair,
  type Location,
  readKeyFile,
} from './index.js'

/** This node's key, and what carries the packets. */
export interface WireguardOptions extends Location {
  /** This node's private key, which is made if it is missing. Default: flannel's, `/run/flannel/wgkey`. */
  readonly keyFile?: string | undefined
  /** What must carry the packets. Default: the kernel's WireGuard if there is one, else wireguard-go. */
  readonly implementation?: ImplementationName | undefined
}

/** In place of those that a start makes: nothing of a plan is written. */
const NO_KEYS: KeyPair = { privateKey: '', publicKey: '(not made yet)' }

/**
 * The wireguard backend, compatible with flannel's: packets between hosts travel encrypted. When a network config names
 * it, it reads this node's key from a file, or makes one; see {@link readKeyFile} for how that may fail. Rejects with
 * `UNSUPPORTED`, naming what is missing, if neither the kernel has WireGuard nor there is a wireguard-go. Throws a TypeError
 * for an option that does not exist or is of another type.
 */
export function wireguard(options: WireguardOptions = {}): BackendLoader {
  checkOptions<WireguardOptions>('wireguard()', options, {
    keyFile: path,
    implementation: oneOf('kernel', 'userspace'),
    namespace: text,
    socketDirectory: path,
  })
  const { keyFile, implementation, ...location } = options
  return {
    type: TYPE,
    sendsPlain,
    async load(_context, { signal }) {
      const chosen = await chooseImplementation(implementation, location, signal)
      const keys = await readKeyFile({ path: keyFile, signal })
      return wireguardBackend(keys, { ...location, implementation: chosen })
    },
    async preview(_context, { signal }) {
      const chosen = await chooseImplementation(implementation, location, signal)
      const keys = await findKeyFile({ path: keyFile, signal })
      const made = `this node's WireGuard key, which a start makes in ${keyFile ?? DEFAULT_KEY_FILE}: there is none yet`
      return {
        backend: previewed(keys ?? NO_KEYS, { ...location, implementation: chosen }),
        unknown: keys === undefined ? [made] : [],
      }
    },
  }
}

/** A start leaves the endpoint of a peer that has a session, as if it had set it itself. */
function previewed(...[keys, carrier]: Parameters<typeof wireguardBackend>): Backend {
  const endpoints = new Map<string, string>()
  const backend = wireguardBackend(keys, carrier, endpoints)
  return {
    ...backend,
    peer(lease, context) {
      const resources = backend.peer(lease, context)
      for (const { key, endpoint } of resources.filter(isPeer)) endpoints.set(key, endpoint)
      return resources
    },
  }
}
