import { isOverlayError } from '@selvedge/core'
import { isJsonObject } from '@selvedge/core/kit'
import type { VpcApi } from './api.js'

/** As many as the API takes in one question. */
const MAX_ADDRESSES = 100

/**
 * Those of the private addresses that nothing in the VPC has. The API lists which are in use; in doubt, as when it may not
 * be asked, an address is.
 */
export async function addressesGone(
  api: VpcApi,
  vpc: string,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<string>> {
  const asked = [...new Set(addresses)]
  const gone = new Set<string>()
  for (let from = 0; from < asked.length; from += MAX_ADDRESSES) {
    const some = asked.slice(from, from + MAX_ADDRESSES)
    const used = await addressesInUse(api, vpc, some, signal)
    for (const address of some) if (used?.has(address) === false) gone.add(address)
  }
  return gone
}

async function addressesInUse(
  api: VpcApi,
  vpc: string,
  addresses: readonly string[],
  signal: AbortSignal,
): Promise<ReadonlySet<unknown> | undefined> {
  try {
    const parameters = { VpcId: vpc, PrivateIpAddresses: addresses }
    const { VpcPrivateIpAddressSet: used } = await api.read('DescribeVpcPrivateIpAddresses', parameters, {
      signal,
    })
    if (!Array.isArray(used)) return undefined
    return new Set(used.map((one) => (isJsonObject(one) ? one.PrivateIpAddress : undefined)))
  } catch (error) {
    signal.throwIfAborted()
    if (!isOverlayError(error)) throw error
    return undefined
  }
}
