import { NETLINK_XFRM, NetlinkConnection, withOverlayErrors } from '@selvedge/dataplane-linux/kit'
import type { XfrmPolicyResource } from '../resource.js'
import { readPolicy, writeGetPolicies } from './policy.js'
import { readStates, type StateOptions, type XfrmState } from './state.js'

/** What the kernel has of IPsec. */
export interface InspectedIpsec {
  /**
   * Whoever set them, those that lead into ESP tunnels of other programs among them. Not those of certain protocols, ports,
   * devices, users or marks, which a packet's addresses alone do not meet, nor of other transformations.
   */
  readonly policies: readonly XfrmPolicyResource[]
  /** ESP tunnels of flannel's reqid. Their keys are not read. */
  readonly states: readonly XfrmState[]
}

/** What a kernel without IPsec answers. */
const NONE = ['EPROTONOSUPPORT', 'ENOENT', 'EOPNOTSUPP']

/**
 * Reads the kernel's IPsec policies and states; undefined for a kernel without IPsec. It changes nothing. Rejects with an
 * OverlayError, such as `ACCESS_DENIED`, if they cannot be read.
 */
export async function inspectIpsec(options: StateOptions = {}): Promise<InspectedIpsec | undefined> {
  const { namespace, signal } = options
  return withOverlayErrors(async () => {
    try {
      await using connection = new NetlinkConnection({ namespace, protocol: NETLINK_XFRM })
      const policies = await connection.dump(
        'reading xfrm policies',
        writeGetPolicies,
        (message) => readPolicy(message, 'any'),
        { signal },
      )
      return { policies, states: await readStates(options) }
    } catch (error) {
      if (NONE.includes(String(Reflect.get(Object(error), 'errno')))) return undefined
      throw error
    }
  })
}
